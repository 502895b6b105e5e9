/**
 * Runs: what cells and pieces of code put out, kept from the workspace's stream as the server keeps it.
 *
 * The same events in the same order make the same outputs here and on the worker; a snapshot replaces them.
 */

import type { JsonObject } from "./fields";
import type { CellRunRecord, Content, Frame, FrameOf, Snapshot } from "./messages";

/** How far a run is, or how it ended. */
export type RunStatus = CellRunRecord["status"];

/** One output in the notebook format 4.5: `output_type` is stream, display_data, execute_result or error. */
export type Output = JsonObject;

/** The text of a run went over what is shown: all of it is at `Api.output(workspace, run)`. */
export interface Cut {
  /** Bytes of the run's whole text so far; 0 = not known. */
  readonly keptBytes: number;
  /** Lines of the run's whole text so far; 0 = not known. */
  readonly keptLines: number;
  /** Bytes that are not shown; 0 = not known. */
  readonly missingBytes: number;
  /** Where the missing part would be: before the output with this index; -1 = not known. */
  readonly before: number;
}

/** The last run of a cell, or a run outside of a document. */
export interface CellRun {
  /** "" for code that was executed outside of a document. */
  readonly document: string;
  readonly cell: string;
  readonly run: string;
  readonly session: string;
  readonly status: RunStatus;
  /** 0 = not known yet. */
  readonly executionCount: number;
  /** An output that changes is replaced by another object; the others stay the same objects. */
  readonly outputs: readonly Output[];
  /** Unix time in milliseconds; 0 = not yet. */
  readonly started: number;
  /** Unix time in milliseconds; 0 = not yet. */
  readonly ended: number;
  /** Why it ended, where there is more to say than the status. */
  readonly reason: string;
  readonly cut: Cut | null;
}

/** So many runs outside of documents are remembered after their end. */
const ENDED_RUNS = 100;

type Writable = { -readonly [Name in keyof CellRun]: CellRun[Name] } & {
  outputs: Output[];
  /** The next output takes the place of all. */
  clearFirst: boolean;
  /** Of text that was told as it came. */
  toldBytes: number;
};

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

function newRun(document: string, cell: string, run: string, session: string): Writable {
  return {
    document,
    cell,
    run,
    session,
    status: "queued",
    executionCount: 0,
    outputs: [],
    started: 0,
    ended: 0,
    reason: "",
    cut: null,
    clearFirst: false,
    toldBytes: 0,
  };
}

function fromRecord(record: CellRunRecord): Writable {
  return {
    ...newRun(record.document, record.cell, record.run, record.document),
    status: record.status,
    executionCount: record.execution_count,
    outputs: [...record.outputs],
    started: record.started * 1000,
    ended: record.ended * 1000,
    cut: record.cut ? { keptBytes: 0, keptLines: 0, missingBytes: 0, before: -1 } : null,
  };
}

function isUnfinished(run: CellRun): boolean {
  return run.status === "queued" || run.status === "running";
}

function displayId(output: Output): unknown {
  const transient = output["transient"];
  return transient !== null && typeof transient === "object"
    ? (transient as JsonObject)["display_id"]
    : undefined;
}

/** Changes the run as the event says; false where the event says nothing about a run. */
function applyToRun(run: Writable, frame: Frame): boolean {
  switch (frame.type) {
    case "run_started":
      run.status = "running";
      run.started = frame.content.at * 1000;
      return true;
    case "run_ended":
      run.status = frame.content.status;
      run.ended = frame.content.at * 1000;
      run.reason = frame.content.reason;
      run.executionCount = frame.content.execution_count || run.executionCount;
      return true;
    case "execute_input":
      run.executionCount = frame.content.execution_count;
      return true;
    case "clear_output":
      run.clearFirst = frame.content.wait;
      if (!frame.content.wait) run.outputs.length = 0;
      return true;
    case "output_cut":
      cutText(run, frame.content);
      return true;
    default:
      return addOutput(run, frame);
  }
}

function addOutput(run: Writable, frame: Frame): boolean {
  const output = outputOf(frame);
  if (!output) return false;
  if (run.clearFirst) run.outputs.length = 0;
  run.clearFirst = false;
  if (frame.type === "stream") {
    run.toldBytes += byteLength(frame.content.text);
    addText(run, frame.content.name, frame.content.text);
  } else run.outputs.push(output);
  return true;
}

/** Joins text with the last output, where that is text of the same stream. */
function addText(run: Writable, name: string, text: string): void {
  const last = run.outputs.at(-1);
  if (last?.["output_type"] === "stream" && last["name"] === name) {
    run.outputs[run.outputs.length - 1] = { ...last, text: joinText(last["text"]) + text };
  } else run.outputs.push({ output_type: "stream", name, text });
}

/** The notebook output that a message is, or undefined. */
function outputOf(frame: Frame): Output | undefined {
  switch (frame.type) {
    case "stream":
      return { output_type: "stream", name: frame.content.name, text: frame.content.text };
    case "display_data":
      return displayOf(frame.content);
    case "execute_result":
      return { output_type: "execute_result", ...frame.content };
    case "error":
      return { output_type: "error", ...frame.content };
    default:
      return undefined;
  }
}

/** `transient` is kept only where it names the display, so that its updates find it. */
function displayOf({ data, metadata, transient }: Content<"display_data">): Output {
  const output = { output_type: "display_data", data, metadata };
  return transient["display_id"] === undefined ? output : { ...output, transient };
}

/** The text of a notebook's multi-line string, which may be a list of pieces. */
export function joinText(value: unknown): string {
  return Array.isArray(value) ? value.join("") : typeof value === "string" ? value : "";
}

/** The tail is joined with what is before it only where nothing is missing between them. */
function cutText(run: Writable, content: Content<"output_cut">): void {
  const { kept_bytes, kept_lines, name, tail } = content;
  const missingBytes = Math.max(0, kept_bytes - run.toldBytes - byteLength(tail));
  if (tail && missingBytes === 0) {
    run.cut = null;
    return addText(run, name, tail);
  }
  const before = run.cut?.before ?? run.outputs.length;
  run.cut = { keptBytes: kept_bytes, keptLines: kept_lines, missingBytes, before };
  if (tail) run.outputs.push({ output_type: "stream", name, text: tail });
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
