/** Worksheet: a live worksheet, its cells, outputs and session. */

import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import type { Attachment } from "./attachment";
import { cell, cellsOf, deleteCell, insertCell, moveCell, newCellId, setCellType } from "./cells";
import type { CellInfo, CellType } from "./cells";
import { codePoints, utf16Units } from "./characters";
import type { LiveDocument } from "./document";
import { SagewsError } from "./errors";
import { Emitter } from "./events";
import type { Unsubscribe } from "./events";
import type { JsonObject } from "./fields";
import type { CellRun, Runs } from "./runs";
import type { PendingInput, Sessions, SessionView } from "./sessions";
import type { WorkspaceNotice } from "./workspace";

/** How code can go on. */
export interface Completion {
  readonly matches: readonly string[];
  /** What the matches take the place of, in UTF-16 units as JavaScript and CodeMirror count. */
  readonly start: number;
  readonly end: number;
  /** More about the matches, by keys that the environment defines (IPython: "_jupyter_types_experimental"). */
  readonly metadata: JsonObject;
}

/** What is known of a name. */
export interface Inspection {
  readonly found: boolean;
  /** By MIME type. */
  readonly data: JsonObject;
}

/** Whether code is complete; `indent` is what the next line starts with, where it is not. */
export interface Completeness {
  readonly status: "complete" | "incomplete" | "invalid" | "unknown";
  readonly indent: string;
}

export interface WorksheetEvents {
  /** Cells came, went, moved, or changed their type or metadata (for text, observe `source`). */
  cells: readonly CellInfo[];
  /** The last run of a cell changed, or its outputs; `run` is undefined where it has none any more. */
  outputs: { readonly cell: string; readonly run: CellRun | undefined };
  session: SessionView;
  /** The number of edits that are not acknowledged. */
  acknowledged: number;
  /** A program waits for a line, or no more (null). */
  input: PendingInput | null;
  notice: WorkspaceNotice;
  /** The file was written: Unix time in milliseconds. */
  saved: number;
  /** The file has another path. */
  moved: string;
  /** The server will not take what was edited here (for example not_allowed); `closed` follows: open it again. */
  refused: SagewsError;
  /** The worksheet is no more; the text says why ("" = it was closed here). */
  closed: string;
}

/** What a worksheet is made of. */
export interface WorksheetParts {
  readonly live: LiveDocument;
  readonly attachment: Attachment;
  readonly runs: Runs;
  readonly sessions: Sessions;
  readonly onClose: () => void;
}

/** Made by `Workspace.openWorksheet`. */
export class Worksheet extends Emitter<WorksheetEvents> {
  readonly id: string;
  /** The shared document, as docs/protocol.md defines it. */
  readonly doc: Y.Doc;
  /** Undoes what was done here: cells, and text that editors bound to it write. */
  readonly undo: Y.UndoManager;
  readonly #parts: WorksheetParts;
  readonly #subscriptions: Unsubscribe[];
  #cells: readonly CellInfo[] | null = null;
  #known = new Set<string>();
  #input: PendingInput | null = null;
  #closed = false;

  constructor(parts: WorksheetParts) {
    super();
    this.#parts = parts;
    const { live } = parts;
    this.id = live.id;
    this.doc = live.doc;
    const shared = [this.doc.getArray("order"), this.doc.getMap("cells")];
    this.undo = new Y.UndoManager(shared, { trackedOrigins: new Set([this]) });
    this.#input = parts.sessions.input(this.id);
    this.#subscriptions = [
      live.on("acknowledged", (count) => this.emit("acknowledged", count)),
      live.on("refused", (error) => this.emit("refused", error)),
      live.on("moved", (path) => this.emit("moved", path)),
      live.on("saved", (at) => this.emit("saved", at)),
    ];
    this.doc.on("afterTransaction", this.#afterTransaction);
  }

  /** In the workspace, POSIX, relative. */
  get path(): string {
    return this.#parts.live.path;
  }

  /** Cursors and names of those who look at it. */
  get awareness(): Awareness {
    return this.#parts.live.awareness;
  }

  /** Edits that are not known to be kept by the server yet. */
  get unacknowledged(): number {
    return this.#parts.live.unacknowledged;
  }

  /** When the file was last written: Unix time in milliseconds; 0 = not while we looked. */
  get savedAt(): number {
    return this.#parts.live.savedAt;
  }

  /** Whether the file lacks edits, as far as was seen. */
  get unsaved(): boolean {
    return this.#parts.live.unsaved;
  }

  // --- cells

  /** The cells in order. The same array until they change. */
  get cells(): readonly CellInfo[] {
    return (this.#cells ??= cellsOf(this.doc));
  }

  /** The shared text of a cell. Throws SagewsError where there is no such cell. */
  source(id: string): Y.Text {
    const found = cell(this.doc, id);
    if (!found) throw new SagewsError("not_found", `There is no cell ${id}.`, "It may have been deleted.");
    return found.source;
  }

  /** Adds a cell at `index` (standard: at the end) and returns its id. */
  insertCell(type: CellType = "code", source = "", index = this.cells.length): string {
    const id = newCellId();
    this.#change(() => insertCell(this.doc, index, type, source, id));
    return id;
  }

  deleteCell(id: string): void {
    this.#change(() => deleteCell(this.doc, id));
  }

  /** Moves a cell so that it stands at `index` among the others. */
  moveCell(id: string, index: number): void {
    this.#change(() => moveCell(this.doc, id, index));
  }

  setCellType(id: string, type: CellType): void {
    this.#change(() => setCellType(this.doc, id, type));
  }

  #change(action: () => void): void {
    this.doc.transact(action, this);
  }

  // --- runs

  /** The last run of the cell with its outputs, or undefined. */
  outputs(id: string): CellRun | undefined {
    return this.#parts.runs.ofCell(this.id, id);
  }

  /** The runs that wait or are running, in order. */
  get queue(): readonly CellRun[] {
    return this.#parts.runs.unfinished(this.id);
  }

  /** Queues cells with the text that they have now; resolves to the names of their runs. */
  async run(cells: readonly string[]): Promise<readonly string[]> {
    return this.#run({ cells });
  }

  /** Queues every code cell. */
  async runAll(): Promise<readonly string[]> {
    return this.#run({ all: true });
  }

  async #run(which: { cells: readonly string[] } | { all: true }): Promise<readonly string[]> {
    this.#parts.live.flush();
    const needs = Y.encodeStateVector(this.doc);
    const answer = await this.#parts.attachment.command("run_cells", { document: this.id, needs, ...which });
    return answer.runs;
  }

  /** Takes runs (none given: all) out of the queue; one that is running goes on. */
  async cancel(runs: readonly string[] = []): Promise<void> {
    await this.#parts.attachment.command("cancel_runs", { document: this.id, runs });
  }

  /** Forgets the outputs of these cells (none given: all). */
  async clearOutputs(cells: readonly string[] = []): Promise<void> {
    await this.#parts.attachment.command("clear_outputs", { document: this.id, cells });
  }

  /** Writes the file now. Resolves when the server has taken the order; `saved` tells when it is done. */
  async save(): Promise<void> {
    this.#parts.live.flush();
    await this.#parts.attachment.command("save", { document: this.id });
  }

  // --- the session

  get session(): SessionView {
    return this.#parts.sessions.get(this.id);
  }

  /** The program that waits for a line, or null. */
  get input(): PendingInput | null {
    return this.#parts.sessions.input(this.id);
  }

  /** Gives the waiting program its line. */
  async answerInput(value: string): Promise<void> {
    await this.#parts.attachment.command("input_reply", { value }, this.id);
    if (this.#parts.sessions.dropInput(this.id)) this.sessionChanged();
  }

  /** Starts the session, if it does not live yet; running a cell does so too. */
  async start(): Promise<void> {
    await this.#parts.attachment.command("open_session", { document: this.id }, this.id);
  }

  /** Stops what is being evaluated, and what waits after it; the session stays. */
  async interrupt(): Promise<void> {
    await this.#parts.attachment.command("interrupt_request", {}, this.id);
  }

  /** Ends the session and starts another one. */
  async restart(): Promise<void> {
    await this.#parts.attachment.command("shutdown_request", { restart: true }, this.id);
  }

  /** Ends the session. */
  async shutdown(): Promise<void> {
    await this.#parts.attachment.command("shutdown_request", {}, this.id);
  }

  /** How can the code go on at `cursor` (in UTF-16 units)? */
  async complete(code: string, cursor: number): Promise<Completion> {
    const question = { code, cursor_pos: codePoints(code, cursor) };
    const answer = await this.#parts.attachment.ask("complete_request", "complete_reply", question, this.id);
    const { matches, cursor_start, cursor_end, metadata } = answer;
    return { matches, start: utf16Units(code, cursor_start), end: utf16Units(code, cursor_end), metadata };
  }

  /** What is known of the name at `cursor` (in UTF-16 units)? `detail` 1 asks for its source too. */
  async inspect(code: string, cursor: number, detail: 0 | 1 = 0): Promise<Inspection> {
    const question = { code, cursor_pos: codePoints(code, cursor), detail_level: detail };
    const { found, data } = await this.#parts.attachment.ask(
      "inspect_request",
      "inspect_reply",
      question,
      this.id,
    );
    return { found, data };
  }

  /** Is this code complete, or does it need another line? */
  async isComplete(code: string): Promise<Completeness> {
    return this.#parts.attachment.ask("is_complete_request", "is_complete_reply", { code }, this.id);
  }

  /** Stops looking at the worksheet; its session and queue go on. */
  close(reason = ""): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.live.flush();
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.doc.off("afterTransaction", this.#afterTransaction);
    this.undo.destroy();
    this.#parts.live.leave();
    this.#parts.onClose();
    this.emit("closed", reason);
  }

  // --- for Workspace

  /** @internal A run of this cell changed, or its outputs. */
  runChanged(id: string): void {
    const run = this.outputs(id);
    if (run) this.#known.add(id);
    else this.#known.delete(id);
    this.emit("outputs", { cell: id, run });
  }

  /** @internal Everything may be different now. */
  restored(): void {
    for (const id of [...this.#known]) if (!this.outputs(id)) this.runChanged(id);
    this.sessionChanged();
  }

  /** @internal The session's state changed, or what it waits for. */
  sessionChanged(): void {
    this.emit("session", this.session);
    if (this.input === this.#input) return;
    this.#input = this.input;
    this.emit("input", this.#input);
  }

  /** @internal */
  noticed(notice: WorkspaceNotice): void {
    this.emit("notice", notice);
  }

  readonly #afterTransaction = (transaction: Y.Transaction): void => {
    const changed = [...transaction.changed.keys()].some((type) => !(type instanceof Y.Text));
    if (!changed) return;
    this.#cells = null;
    this.emit("cells", this.cells);
  };
}
