/** Worksheet: a live worksheet, its cells, outputs and session. (Skeleton.) */

import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import type { CellInfo, CellType } from "./cells";
import type { SagewsError } from "./errors";
import { Emitter } from "./events";
import type { CellRun } from "./runs";
import type { PendingInput, SessionView } from "./sessions";
import type { WorkspaceNotice } from "./workspace";

export interface Completion {
  readonly matches: readonly string[];
  /** Places in the code, in UTF-16 units as JavaScript and CodeMirror count. */
  readonly start: number;
  readonly end: number;
  /** Kinds of the matches ("function", "module", ...), in their order, where the session says; else "". */
  readonly types: readonly string[];
}

export interface Inspection {
  readonly found: boolean;
  /** By MIME type. */
  readonly data: { readonly [mime: string]: unknown };
}

export interface Completeness {
  readonly status: "complete" | "incomplete" | "invalid" | "unknown";
  readonly indent: string;
}

export interface WorksheetEvents {
  /** The order of cells, a type, or metadata changed (text does not: bind to `source`). */
  cells: readonly CellInfo[];
  /** The last run of a cell changed, or its outputs. `run` is undefined where the cell has none any more. */
  outputs: { readonly cell: string; readonly run: CellRun | undefined };
  session: SessionView;
  /** `unacknowledged` changed. */
  acknowledged: number;
  /** A program waits for a line, or no more (null). */
  input: PendingInput | null;
  notice: WorkspaceNotice;
  saved: number;
  moved: string;
  /** The server will not take what was edited here (for example not_allowed): it will not be kept. */
  refused: SagewsError;
  /** The worksheet is no more; the text says why. */
  closed: string;
}

export class Worksheet extends Emitter<WorksheetEvents> {
  declare readonly id: string;
  declare readonly path: string;
  declare readonly doc: Y.Doc;
  declare readonly awareness: Awareness;
  declare readonly undo: Y.UndoManager;
  declare readonly cells: readonly CellInfo[];
  declare readonly session: SessionView;
  /** The program that waits for a line, or null. */
  declare readonly input: PendingInput | null;
  /** Edits that are not known to be kept by the server yet. */
  declare readonly unacknowledged: number;
  /** When the file was last written: Unix time in milliseconds; 0 = not while we looked. */
  declare readonly savedAt: number;
  /** Whether the file lacks edits. */
  declare readonly unsaved: boolean;

  /** The shared text of a cell; throws where there is no such cell. */
  source(_cell: string): Y.Text {
    throw new Error("Not here yet.");
  }
  /** Adds a cell at `index` (standard: at the end) and returns its id. */
  insertCell(_type: CellType = "code", _source = "", _index?: number): string {
    throw new Error("Not here yet.");
  }
  deleteCell(_cell: string): void {}
  moveCell(_cell: string, _index: number): void {}
  setCellType(_cell: string, _type: CellType): void {}

  /** The last run of the cell, or undefined. */
  outputs(_cell: string): CellRun | undefined {
    return undefined;
  }
  async clearOutputs(_cells: readonly string[] = []): Promise<void> {}

  /** Queues cells; resolves to the names of their runs. */
  async run(_cells: readonly string[]): Promise<readonly string[]> {
    throw new Error("Not here yet.");
  }
  async runAll(): Promise<readonly string[]> {
    throw new Error("Not here yet.");
  }
  /** Takes runs (none given: all) out of the queue; a running one is not touched. */
  async cancel(_runs: readonly string[] = []): Promise<void> {}
  async interrupt(): Promise<void> {}
  async restart(): Promise<void> {}
  /** Ends the session. */
  async shutdown(): Promise<void> {}
  /** Writes the file now. */
  async save(): Promise<void> {}
  async answerInput(_value: string): Promise<void> {}

  async complete(_code: string, _cursor: number): Promise<Completion> {
    throw new Error("Not here yet.");
  }
  async inspect(_code: string, _cursor: number, _detail: 0 | 1 = 0): Promise<Inspection> {
    throw new Error("Not here yet.");
  }
  async isComplete(_code: string): Promise<Completeness> {
    throw new Error("Not here yet.");
  }
  /** Stops looking at the worksheet; its session and queue go on. */
  close(): void {}
}
