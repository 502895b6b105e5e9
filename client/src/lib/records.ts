/** Records that messages carry, as `sagews/messages/records.py` declares them. */

import { bytes, list, object, oneOf, optional, real, record, text, truth, whole } from "./fields";
import type { Field } from "./fields";

type Of<F> = F extends Field<infer T, boolean> ? T : never;

const role = oneOf("owner", "collaborator", "reader");
export const nothing = optional(text, "");
export const zero = optional(whole, 0);
export const never = optional(real, 0);
export const no = optional(truth, false);
export const yes = optional(truth, true);

export const limits = record({
  memory_bytes: zero,
  cpu_seconds: zero,
  wall_seconds: zero,
  idle_seconds: zero,
  processes: zero,
  open_files: zero,
  file_bytes: zero,
  output_bytes: zero,
  sessions: zero,
  disk_bytes: zero,
  disk_files: zero,
});
export const actor = record({ account: text, name: nothing, role: optional(role, "reader") });
export const person = record({ client: text, account: text, name: nothing, role: optional(role, "reader") });
export const documentState = record({ document: text, path: text, state: bytes, digest: nothing });
export const journalEntry = record({
  epoch: whole,
  n: whole,
  document: text,
  path: text,
  update: bytes,
  actor: nothing,
});
const sessionState = record({
  session: text,
  environment: text,
  state: oneOf("waiting", "starting", "idle", "busy"),
  document: nothing,
  since: never,
});
export const openRecord = record({
  workspace: text,
  epoch: whole,
  people: zero,
  since: never,
  sessions: optional(list(sessionState), []),
  disk_bytes: zero,
  disk_files: zero,
});
export const folderRecord = record({ workspace: text, is_old: no, is_stored: no, versions: zero });
const queuedRun = record({ run: text, document: nothing, cell: nothing, running: no, since: never });
export const cellRun = record({
  document: text,
  cell: text,
  run: text,
  status: oneOf("queued", "running", "ok", "error", "interrupted", "died"),
  execution_count: zero,
  outputs: optional(list(object), []),
  started: never,
  ended: never,
  cut: no,
  hidden_bytes: zero,
  kept_bytes: zero,
  kept_lines: zero,
});
const pendingInput = record({ session: text, run: text, prompt: nothing, password: no });
export const snapshot = record({
  documents: optional(list(documentState), []),
  sessions: optional(list(sessionState), []),
  queue: optional(list(queuedRun), []),
  cells: optional(list(cellRun), []),
  inputs: optional(list(pendingInput), []),
});
export const fileEntry = record({
  path: text,
  kind: oneOf("file", "folder", "other"),
  size: zero,
  modified: never,
});

export const bundleRecord = record({ basis: text, head: text, count: whole, size: whole, sha256: text });
export const versionRecord = record({
  version: text,
  author: nothing,
  account: nothing,
  at: zero,
  message: nothing,
});
export const fileChange = record({ path: text, change: oneOf("added", "changed", "deleted") });

/** What somebody may do in a workspace. */
export type Role = Of<typeof role>;
/** Somebody who is attached to a workspace. */
export type Person = Of<typeof person>;
/** A document and its whole Yjs state. */
export type DocumentState = Of<typeof documentState>;
/** A session, in a snapshot. */
export type SessionState = Of<typeof sessionState>;
/** The last run of a cell, as the wire has it. */
export type CellRunRecord = Of<typeof cellRun>;
/** Everything that a workspace's stream has told up to a number. */
export type Snapshot = Of<typeof snapshot>;
/** A program that waits for a line from a person, as the wire has it. */
export type PendingInputRecord = Of<typeof pendingInput>;
