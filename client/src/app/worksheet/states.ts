/** States: what the page says about the session, the connection and what is saved. Pure: words from facts. */

import type { ConnectionState, SessionView, WorkspaceState } from "../../lib/index";
import { wholeDurationText } from "../output/sizes";

/** good: nothing to do; active: something is going on; waiting: for something; bad: something is wrong. */
export type Tone = "good" | "active" | "waiting" | "bad" | "quiet";

export interface Said {
  readonly text: string;
  readonly tone: Tone;
  /** The text changes with time: say it again in a second. */
  readonly ticks?: boolean;
}

/** What the session does, as far as is known: nothing is known of it without a connection. */
export function kernelText(
  session: SessionView,
  connection: ConnectionState,
  workspace: WorkspaceState,
  now: number,
): Said {
  if (connection.name !== "open") return { text: "not known while offline", tone: "waiting" };
  if (workspace.name !== "attached") return { text: "not known yet", tone: "waiting" };
  switch (session.state) {
    case "none":
      return { text: "not started", tone: "quiet" };
    case "waiting":
      return { text: session.place ? `waiting, place ${session.place}` : "waiting", tone: "waiting" };
    case "starting":
      return { text: "starting", tone: "active" };
    case "idle":
      return { text: "idle", tone: "good" };
    case "busy": {
      const time = now - session.since;
      return { text: time < 1000 ? "busy" : `busy ${wholeDurationText(time)}`, tone: "active", ticks: true };
    }
    case "ended":
      return { text: session.reason ? `ended: ${withoutStop(session.reason)}` : "ended", tone: "bad" };
  }
}

/** A reason as a part of a sentence of ours. */
export function withoutStop(reason: string): string {
  return reason.replace(/\.$/, "");
}

/** Whether we are connected to the site and follow the workspace. */
export function connectionText(connection: ConnectionState, workspace: WorkspaceState, now: number): Said {
  switch (connection.name) {
    case "open":
      return attachmentText(workspace);
    case "connecting":
      return { text: "connecting…", tone: "waiting" };
    case "offline": {
      const seconds = Math.max(1, Math.ceil(((connection.retryAt ?? now) - now) / 1000));
      return { text: `offline, retrying in ${seconds} s`, tone: "bad", ticks: true };
    }
    case "refused":
      return { text: connection.reason?.what ?? "refused", tone: "bad" };
    case "closed":
      return { text: "not connected", tone: "bad" };
  }
}

function attachmentText(workspace: WorkspaceState): Said {
  switch (workspace.name) {
    case "attached":
      return { text: "connected", tone: "good" };
    case "attaching":
      return { text: "connecting…", tone: "waiting" };
    case "waiting":
      return { text: workspace.reason?.what ?? "waiting for the workspace", tone: "waiting" };
    case "refused":
      return { text: workspace.reason?.what ?? "refused", tone: "bad" };
    case "detached":
      return { text: "not connected", tone: "bad" };
  }
}

/** For so long unacknowledged edits are on their way; after that, people should know how many there are. */
export const SAVING_MILLISECONDS = 1500;

/**
 * What is not kept by the server yet.
 *
 * @param since when the oldest unacknowledged edit was made: Unix time in milliseconds.
 */
export function saveText(unacknowledged: number, since: number, online: boolean, now: number): Said {
  if (unacknowledged === 0) return { text: "all changes saved", tone: "good" };
  if (online && now - since < SAVING_MILLISECONDS) return { text: "saving…", tone: "active", ticks: true };
  const changes = unacknowledged === 1 ? "1 change" : `${unacknowledged} changes`;
  return { text: `${changes} not saved yet`, tone: "bad" };
}
