/**
 * Every message type and its fields: the mirror of the declarations in `sagews/messages/`, read by the same examples.
 *
 * `docs/protocol.md` tells who sends which message when; the comments of the Python declarations say what each means.
 */

import {
  bytes,
  list,
  mapping,
  nullable,
  object,
  oneOf,
  optional,
  orEmpty,
  real,
  text,
  truth,
  whole,
} from "./fields";
import type { Fields } from "./fields";
import {
  actor,
  bundleRecord,
  cellRun,
  documentState,
  fileChange,
  fileEntry,
  folderRecord,
  journalEntry,
  limits,
  never,
  no,
  nothing,
  openRecord,
  person,
  snapshot,
  versionRecord,
  yes,
  zero,
} from "./records";

// --- messages, by their names on the wire

const reply = optional(oneOf("ok", "error"), "ok");
const outputName = oneOf("stdout", "stderr");

const connection = {
  hello: {
    protocol_minimum: whole,
    protocol_maximum: whole,
    build: text,
    role: oneOf("browser", "backend", "bulk", "script", "log"),
    token: nothing,
    client: nothing,
  },
  welcome: {
    protocol: whole,
    build: text,
    environments: optional(list(text), []),
    addresses: optional(list(text), []),
    account: nothing,
  },
  ping: {},
  pong: {},
  done: {},
  refused: { code: text, what: text, what_to_do: nothing, refused: nothing },
  waiting: { place: whole },
} satisfies { [type: string]: Fields };

const commands = {
  open_document: { path: text, create: no, environment: nothing },
  run_cells: {
    document: text,
    cells: optional(list(text), []),
    all: no,
    needs: optional(bytes, new Uint8Array()),
  },
  cancel_runs: { document: nothing, runs: optional(list(text), []) },
  clear_outputs: { document: text, cells: optional(list(text), []) },
  save: { document: text },
  open_session: { environment: nothing, document: nothing },
  execute: { code: text, silent: no, store_history: yes, allow_stdin: no },
} satisfies { [type: string]: Fields };

const files = {
  file_list: { path: nothing, start: zero, limit: zero, matching: nothing },
  file_entries: { entries: list(fileEntry), total: zero },
  folder_changed: { path: nothing },
  file_read: { path: text },
  output_read: {},
  file_write: { path: text, size: whole, keep: no },
  file_piece: { offset: whole, last: no },
  credit: { pieces: whole },
  file_delete: { path: text },
  file_rename: { path: text, to: text },
  folder_make: { path: text },
  upload_begin: { path: text, size: whole, keep: no },
  upload_write: { upload: text, offset: whole, size: whole },
  upload_ask: { upload: text },
  upload_cancel: { upload: text },
  upload_state: { upload: text, path: text, size: whole, received: zero, finished: no },
  folder_pack: { path: nothing },
  file_import: { path: text },
  file_imported: { path: text, files: optional(whole, 1) },
} satisfies { [type: string]: Fields };

const history = {
  bundles_offered: { bundles: list(bundleRecord) },
  bundles_wanted: { heads: list(text) },
  bundle_write: { bundle: bundleRecord },
  bundle_read: { head: nothing },
  acting: { actor },
  history_list: { skip: zero, maximum: optional(whole, 50), path: nothing },
  history_listed: { versions: list(versionRecord), more: no },
  version_files: { version: text },
  version_read: { version: text, path: text },
  version_changes: { version: text, since: nothing },
  version_changed: { since: text, changes: list(fileChange) },
  go_back: { version: text },
  went_back: { version: text },
} satisfies { [type: string]: Fields };

const jupyter = {
  execute_request: {
    code: text,
    silent: no,
    store_history: yes,
    user_expressions: orEmpty(object),
    allow_stdin: yes,
    stop_on_error: yes,
  },
  execute_reply: {
    status: oneOf("ok", "error", "aborted"),
    execution_count: whole,
    ename: nothing,
    evalue: nothing,
    payload: optional(list(object), []),
    user_expressions: orEmpty(object),
  },
  execute_input: { code: text, execution_count: whole },
  stream: { name: outputName, text },
  display_data: { data: object, metadata: orEmpty(object), transient: orEmpty(object) },
  update_display_data: { data: object, metadata: orEmpty(object), transient: orEmpty(object) },
  execute_result: { execution_count: whole, data: object, metadata: orEmpty(object) },
  error: { ename: text, evalue: text, traceback: optional(list(text), []) },
  clear_output: { wait: no },
  status: { execution_state: oneOf("starting", "busy", "idle") },
  input_request: { prompt: nothing, password: no },
  input_reply: { value: text },
  complete_request: { code: text, cursor_pos: whole },
  complete_reply: {
    matches: list(text),
    cursor_start: whole,
    cursor_end: whole,
    metadata: orEmpty(object),
    status: reply,
  },
  inspect_request: { code: text, cursor_pos: whole, detail_level: zero },
  inspect_reply: { found: truth, data: orEmpty(object), metadata: orEmpty(object), status: reply },
  is_complete_request: { code: text },
  is_complete_reply: { status: oneOf("complete", "incomplete", "invalid", "unknown"), indent: nothing },
  kernel_info_request: {},
  kernel_info_reply: {
    protocol_version: text,
    implementation: text,
    implementation_version: text,
    language_info: object,
    banner: nothing,
    status: reply,
  },
  comm_open: {
    comm_id: text,
    target_name: text,
    data: orEmpty(object),
    metadata: orEmpty(object),
    buffers: optional(list(bytes), []),
  },
  comm_msg: {
    comm_id: text,
    data: orEmpty(object),
    metadata: orEmpty(object),
    buffers: optional(list(bytes), []),
  },
  comm_close: { comm_id: text, data: orEmpty(object) },
  interrupt_request: {},
  shutdown_request: { restart: no },
} satisfies { [type: string]: Fields };

const ended = oneOf("ok", "error", "interrupted", "died");
const endings = oneOf("shutdown", "restart", "limit", "idle", "died", "operator", "worker");

const workspace = {
  open_workspace: {
    limits: orEmpty(limits),
    account: nothing,
    documents: optional(list(documentState), []),
    journal: optional(list(journalEntry), []),
    kept: yes,
    bundles: optional(list(bundleRecord), []),
  },
  close_workspace: {},
  workspace_closed: { reason: text },
  renew_lease: { epochs: mapping(whole) },
  follow_journal: {},
  journal_followed: { unjournaled: optional(list(journalEntry), []) },
  journaled: {},
  checkpoint: {
    documents: list(documentState),
    removed: optional(list(text), []),
    bundle: optional(nullable(bundleRecord), null),
  },
  checkpointed: {},
  log_records: { process: text, instance: zero, host: nothing },
  attach: { actor: optional(nullable(actor), null) },
  detach: {},
  attached: {
    how: oneOf("resumed", "snapshot"),
    snapshot: optional(nullable(snapshot), null),
    people: optional(list(person), []),
    k: zero,
  },
  person_came: { person },
  person_left: { client: text },
  presence: { document: text, state: bytes },
  update: { document: text, update: bytes },
  acknowledged: { document: nothing, runs: optional(list(text), []) },
  document_update: { document: text, update: bytes, path: nothing, actor: nothing },
  document_opened: { document: text, path: text, cells: optional(list(cellRun), []) },
  document_moved: { document: text, path: text },
  saved: { document: text, contains: whole, at: real },
  run_queued: { document: nothing, cell: nothing, at: never },
  run_started: { document: nothing, cell: nothing, at: never },
  run_ended: {
    status: ended,
    document: nothing,
    cell: nothing,
    execution_count: zero,
    at: never,
    reason: nothing,
  },
  output_cut: {
    kept_bytes: whole,
    kept_lines: whole,
    hidden_bytes: whole,
    tail: nothing,
    name: optional(outputName, "stdout"),
  },
  session_started: { environment: text, document: nothing, at: never },
  session_ended: { reason: text, document: nothing, code: optional(endings, "died"), at: never },
  notice: { text, level: optional(oneOf("info", "warning", "error"), "info"), document: nothing },
} satisfies { [type: string]: Fields };

const room = {
  room: {
    places: whole,
    sessions: zero,
    waiting: zero,
    workspaces: zero,
    draining: no,
    accounts: optional(mapping(whole), {}),
  },
  elsewhere: { sessions: mapping(whole) },
  openings: { epochs: mapping(whole) },
  drain: {},
  undrain: {},
} satisfies { [type: string]: Fields };

const oversight = {
  list_open: { account: nothing },
  open_listed: { workspaces: optional(list(openRecord), []) },
  end_session: { session: text },
} satisfies { [type: string]: Fields };

const folders = {
  list_folders: {},
  folders_listed: { folders: optional(list(folderRecord), []) },
  remove_folder: {},
  forget_workspace: {},
} satisfies { [type: string]: Fields };

/** Every message type: its name on the wire and the fields of its content. */
export const TYPES = {
  ...connection,
  ...commands,
  ...files,
  ...history,
  ...jupyter,
  ...workspace,
  ...room,
  ...oversight,
  ...folders,
};
