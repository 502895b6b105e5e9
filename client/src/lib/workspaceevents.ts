/** What a workspace tells, what it is opened with, and what it is made of. */

import type { WorkspaceState } from "./attachment";
import type { CellRun } from "./cellrun";
import type { Connection } from "./connection";
import type { Keepsakes } from "./keepsakes";
import type { CommFrame } from "./comms";
import type { Person } from "./messages";
import type { SessionView } from "./sessions";
import type { Timing } from "./timing";

/** Something that a person should know. */
export interface WorkspaceNotice {
  readonly text: string;
  readonly level: "info" | "warning" | "error";
  /** "" = not about one document. */
  readonly document: string;
}

export interface WorkspaceEvents {
  state: WorkspaceState;
  people: readonly Person[];
  /** A session's state changed. */
  sessions: readonly SessionView[];
  notice: WorkspaceNotice;
  /** What is in a folder that was listed is not what it was; its path, "" = the top. */
  folder: string;
  /** The output or state of code that was executed outside of a document. */
  run: CellRun;
  /** What a session says to a widget, or a widget's channel that opens or closes. */
  comm: CommFrame;
}

export interface OpenOptions {
  /** Make the worksheet, where there is none. */
  readonly create?: boolean;
  /** For a new worksheet: what its cells run in; standard: the site's first. */
  readonly environment?: string;
}

export interface WorkspaceParts {
  readonly client: string;
  readonly connection: Connection;
  readonly keepsakes: Keepsakes;
  readonly timing: Timing;
  /** Gives numbers for questions. */
  readonly number: () => number;
}
