/** Workspace: an open workspace that is followed. (Skeleton.) */

import type { SagewsError } from "./errors";
import { Emitter } from "./events";
import type { Person, Role } from "./messages";
import type { CellRun } from "./runs";
import type { SessionView } from "./sessions";
import type { Worksheet } from "./worksheet";

/** How a workspace is followed. `waiting`: it cannot be now (`reason`), and is tried again. */
export interface WorkspaceState {
  readonly name: "detached" | "attaching" | "attached" | "waiting" | "refused";
  readonly since: number;
  readonly reason?: SagewsError;
}

export interface WorkspaceNotice {
  readonly text: string;
  readonly level: "info" | "warning" | "error";
  /** "" = not about one document. */
  readonly document: string;
}

export interface WorkspaceEvents {
  state: WorkspaceState;
  people: readonly Person[];
  sessions: readonly SessionView[];
  notice: WorkspaceNotice;
  /** Documents were opened, moved or deleted. */
  documents: undefined;
}

export interface OpenOptions {
  /** Make the worksheet, where there is none. */
  readonly create?: boolean;
  /** For a new worksheet: what its cells run in; standard: the site's first. */
  readonly environment?: string;
}

/** Code that runs outside of a document. */
export interface Execution extends CellRun {}

export class Workspace extends Emitter<WorkspaceEvents> {
  declare readonly id: string;
  declare readonly state: WorkspaceState;
  declare readonly role: Role | null;
  declare readonly people: readonly Person[];
  declare readonly sessions: readonly SessionView[];

  async attach(): Promise<void> {}
  async detach(): Promise<void> {}

  async openWorksheet(_path: string, _options: OpenOptions = {}): Promise<Worksheet> {
    throw new Error("Not here yet.");
  }

  /** Evaluates code in a session, which is started if need be. Resolves when the run has ended. */
  async execute(
    _session: string,
    _environment: string,
    _code: string,
    _onOutput?: (run: CellRun) => void,
  ): Promise<CellRun> {
    throw new Error("Not here yet.");
  }
}
