/** Worksheet: a live worksheet, its cells, outputs and session. */

import * as Y from "yjs";
import type { CellRun } from "./cellrun";
import { cell, cellsOf, deleteCell, insertCell, moveCell, newCellId, setCellType } from "./cells";
import type { CellInfo, CellType } from "./cells";
import { complete, inspect } from "./codehelp";
import type { CommFrame, CommWords } from "./comms";
import type { Completeness, Completion, Inspection } from "./codehelp";
import { SagewsError } from "./errors";
import { RunOrders } from "./runorders";
import type { Runs } from "./runs";
import type { PendingInput, Sessions, SessionView } from "./sessions";
import { SharedFile } from "./sharedfile";
import type { SharedFileEvents, SharedFileParts } from "./sharedfile";

export interface WorksheetEvents extends SharedFileEvents {
  /** Cells came, went, moved, or changed their type or metadata (for text, observe `source`). */
  cells: readonly CellInfo[];
  /** The last run of a cell changed, or its outputs; `run` is undefined where it has none any more. */
  outputs: { readonly cell: string; readonly run: CellRun | undefined };
  session: SessionView;
  /** A program waits for a line, or no more (null). */
  input: PendingInput | null;
  /** What its session says to a widget, or a widget's channel that opens or closes. */
  comm: CommFrame;
  /** Messages may have been missed, and a snapshot took their place: what they said of widgets is not in it. */
  restored: null;
}

/** What a worksheet is made of. */
export interface WorksheetParts extends SharedFileParts {
  readonly runs: Runs;
  readonly sessions: Sessions;
}

/** Made by `Workspace.openWorksheet`. */
export class Worksheet extends SharedFile<WorksheetEvents> {
  /** Undoes what was done here: cells, and text that editors bound to it write. */
  readonly undo: Y.UndoManager;
  readonly #parts: WorksheetParts;
  readonly #orders: RunOrders;
  #cells: readonly CellInfo[] | null = null;
  #known = new Set<string>();
  #input: PendingInput | null = null;

  constructor(parts: WorksheetParts) {
    super(parts);
    this.#parts = parts;
    this.#orders = new RunOrders(parts.live, parts.attachment);
    const shared = [this.doc.getArray("order"), this.doc.getMap("cells")];
    this.undo = new Y.UndoManager(shared, { trackedOrigins: new Set([this]) });
    this.#input = parts.sessions.input(this.id);
    this.doc.on("afterTransaction", this.#afterTransaction);
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

  /**
   * Queues cells with the text that they have now; resolves to the names of their runs, none where they were taken back
   * before the server had the edits that they need.
   */
  run(cells: readonly string[]): Promise<readonly string[]> {
    return this.#orders.give({ cells });
  }

  /** Queues every code cell, as `run` does. */
  runAll(): Promise<readonly string[]> {
    return this.#orders.give({ all: true });
  }

  /** Takes runs (none given: all) out of the queue; one that is running goes on. */
  async cancel(runs: readonly string[] = []): Promise<void> {
    if (runs.length === 0) this.#orders.drop();
    await this.#parts.attachment.command("cancel_runs", { document: this.id, runs });
  }

  /** Forgets the outputs of these cells (none given: all). */
  async clearOutputs(cells: readonly string[] = []): Promise<void> {
    await this.#parts.attachment.command("clear_outputs", { document: this.id, cells });
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
    this.#orders.drop();
    await this.#parts.attachment.command("interrupt_request", {}, this.id);
  }

  /** Ends the session and starts another one. */
  async restart(): Promise<void> {
    this.#orders.drop();
    await this.#parts.attachment.command("shutdown_request", { restart: true }, this.id);
  }

  /** Ends the session. */
  async shutdown(): Promise<void> {
    this.#orders.drop();
    await this.#parts.attachment.command("shutdown_request", {}, this.id);
  }

  /** Opens or closes a channel to the session, or says something on one. */
  async comm(words: CommWords): Promise<void> {
    await this.#parts.attachment.command(words.type, words.content, this.id, words.name);
  }

  /** How can the code go on at `cursor` (in UTF-16 units)? */
  async complete(code: string, cursor: number): Promise<Completion> {
    return complete(this.#parts.attachment, this.id, code, cursor);
  }

  /** What is known of the name at `cursor` (in UTF-16 units)? `detail` 1 asks for its source too. */
  async inspect(code: string, cursor: number, detail: 0 | 1 = 0): Promise<Inspection> {
    return inspect(this.#parts.attachment, this.id, code, cursor, detail);
  }

  /** Is this code complete, or does it need another line? */
  async isComplete(code: string): Promise<Completeness> {
    return this.#parts.attachment.ask("is_complete_request", "is_complete_reply", { code }, this.id);
  }

  protected override letGo(): void {
    this.#orders.drop();
    this.doc.off("afterTransaction", this.#afterTransaction);
    this.undo.destroy();
  }

  // --- for Workspace

  /** @internal A run of this cell changed, or its outputs. */
  runChanged(id: string): void {
    const run = this.outputs(id);
    if (run) this.#known.add(id);
    else this.#known.delete(id);
    this.emit("outputs", { cell: id, run });
  }

  /** @internal About a widget of its session. */
  heardComm(frame: CommFrame): void {
    this.emit("comm", frame);
  }

  /** @internal Everything may be different now. */
  restored(): void {
    for (const id of [...this.#known]) if (!this.outputs(id)) this.runChanged(id);
    this.emit("restored", null);
    this.sessionChanged();
  }

  /** @internal The session's state changed, or what it waits for. */
  sessionChanged(): void {
    this.emit("session", this.session);
    if (this.input === this.#input) return;
    this.#input = this.input;
    this.emit("input", this.#input);
  }

  readonly #afterTransaction = (transaction: Y.Transaction): void => {
    const changed = [...transaction.changed.keys()].some((type) => !(type instanceof Y.Text));
    if (!changed) return;
    this.#cells = null;
    this.emit("cells", this.cells);
  };
}
