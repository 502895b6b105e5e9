/**
 * Runs: what cells and pieces of code put out, kept from the workspace's stream as the server keeps it.
 *
 * The same events in the same order make the same outputs here and on the worker; a snapshot replaces them.
 */

import { applyToRun, displayId, fromRecord, isUnfinished, newRun } from "./cellrun";
import type { CellRun, Writable } from "./cellrun";
import type { CellRunRecord, Frame, FrameOf, Snapshot } from "./messages";

/** So many runs outside of documents are remembered after their end. */
const ENDED_RUNS = 100;

/** The runs of one workspace. */
export class Runs {
  readonly #runs = new Map<string, Writable>();
  readonly #cells = new Map<string, Map<string, Writable>>();

  /** The last run of a cell, or undefined where it has none. */
  ofCell(document: string, cell: string): CellRun | undefined {
    return this.#cells.get(document)?.get(cell);
  }

  /** The run with this name, if it is a cell's last one, is not over, or is one of the last ones. */
  get(run: string): CellRun | undefined {
    return this.#runs.get(run);
  }

  /** The runs of a document's cells that wait or are running, in the order in which they were queued. */
  unfinished(document: string): CellRun[] {
    return [...this.#runs.values()].filter((run) => run.document === document && isUnfinished(run));
  }

  /** Forgets everything and takes what the snapshot has. Returns every run that may have changed. */
  restore(snapshot: Snapshot): CellRun[] {
    const before = [...this.#runs.values()];
    this.#runs.clear();
    this.#cells.clear();
    snapshot.cells.forEach((record) => this.#keep(fromRecord(record)));
    for (const queued of snapshot.queue) {
      if (this.#runs.has(queued.run)) continue;
      const run = newRun(queued.document, queued.cell, queued.run, "");
      run.status = queued.running ? "running" : "queued";
      run.started = queued.running ? queued.since * 1000 : 0;
      this.#keep(run);
    }
    const gone = before.filter((run) => !this.#runs.has(run.run) && !this.ofCell(run.document, run.cell));
    for (const run of gone.filter(isUnfinished)) {
      run.status = "died";
      run.reason = "The session is gone.";
    }
    return [...gone, ...this.#runs.values()];
  }

  /** The outputs that a document's file had when it was opened. */
  load(records: readonly CellRunRecord[]): CellRun[] {
    return records.map((record) => {
      const run = fromRecord(record);
      this.#keep(run);
      return run;
    });
  }

  /** Obeys one event of the stream. Returns the runs that it changed. */
  apply(frame: Frame): CellRun[] {
    if (frame.type === "run_queued") {
      const run = newRun(frame.content.document, frame.content.cell, frame.run, frame.session);
      this.#keep(run);
      return [run];
    }
    if (frame.type === "clear_outputs") return this.#clear(frame.content.document, frame.content.cells);
    if (frame.type === "update_display_data") return this.#updateDisplays(frame);
    const run = this.#runs.get(frame.run);
    if (!run || !applyToRun(run, frame)) return [];
    if (frame.type === "run_ended" && !run.document) this.#dropOldest();
    return [run];
  }

  #keep(run: Writable): void {
    if (run.run) this.#runs.set(run.run, run);
    if (!run.document) return;
    const cells = this.#cells.get(run.document) ?? new Map<string, Writable>();
    this.#cells.set(run.document, cells);
    const replaced = cells.get(run.cell);
    if (replaced && replaced.run !== run.run) this.#runs.delete(replaced.run);
    cells.set(run.cell, run);
  }

  #clear(document: string, cells: readonly string[]): CellRun[] {
    const changed: CellRun[] = [];
    for (const [id, run] of this.#cells.get(document) ?? []) {
      if (cells.length > 0 && !cells.includes(id)) continue;
      run.outputs.length = 0;
      run.cut = null;
      if (!isUnfinished(run)) {
        this.#cells.get(document)?.delete(id);
        this.#runs.delete(run.run);
      }
      changed.push(run);
    }
    return changed;
  }

  #dropOldest(): void {
    const ended = [...this.#runs.values()].filter((run) => !run.document && !isUnfinished(run));
    for (const run of ended.slice(0, Math.max(0, ended.length - ENDED_RUNS))) this.#runs.delete(run.run);
  }

  #updateDisplays({ content, session }: FrameOf<"update_display_data">): CellRun[] {
    const id = content.transient["display_id"];
    const changed: CellRun[] = [];
    for (const run of this.#runs.values()) {
      if (session && run.session && session !== run.session) continue;
      let found = false;
      run.outputs.forEach((output, index) => {
        if (id === undefined || displayId(output) !== id) return;
        run.outputs[index] = { ...output, data: content.data, metadata: content.metadata };
        found = true;
      });
      if (found) changed.push(run);
    }
    return changed;
  }
}
