/**
 * The messages between a browser or script and a backend: the mirror of `sagews/messages/`, read by the same examples.
 *
 * `docs/protocol.md` tells who sends which message when; the comments of the Python declarations say what each means.
 */

import { MessageError, UnknownType } from "./errors";
import {
  bytes,
  fillFields,
  list,
  mapping,
  nullable,
  object,
  oneOf,
  optional,
  orEmpty,
  readFields,
  real,
  text,
  truth,
  whole,
  writeFields,
} from "./fields";
import type { Fields, Given, Values } from "./fields";
import {
  actor,
  cellRun,
  documentState,
  fileEntry,
  journalEntry,
  limits,
  never,
  no,
  nothing,
  person,
  snapshot,
  yes,
  zero,
} from "./records";

export type {
  CellRunRecord,
  DocumentState,
  PendingInputRecord,
  Person,
  Role,
  SessionState,
  Snapshot,
} from "./records";

/** The version of the protocol that this library speaks. */
export const PROTOCOL = 1;

// --- messages, by their names on the wire

const reply = optional(oneOf("ok", "error"), "ok");
const outputName = oneOf("stdout", "stderr");

const connection = {
  hello: {
    protocol_minimum: whole,
    protocol_maximum: whole,
    build: text,
    role: oneOf("browser", "backend", "bulk", "script"),
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
  file_list: { path: nothing },
  file_entries: { entries: list(fileEntry) },
  file_read: { path: text },
  output_read: {},
  file_write: { path: text, size: whole },
  file_piece: { offset: whole, last: no },
  credit: { pieces: whole },
  file_delete: { path: text },
  file_rename: { path: text, to: text },
  folder_make: { path: text },
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
  comm_open: { comm_id: text, target_name: text, data: orEmpty(object), metadata: orEmpty(object) },
  comm_msg: { comm_id: text, data: orEmpty(object), metadata: orEmpty(object) },
  comm_close: { comm_id: text, data: orEmpty(object) },
  interrupt_request: {},
  shutdown_request: { restart: no },
} satisfies { [type: string]: Fields };

const ended = oneOf("ok", "error", "interrupted", "died");
const endings = oneOf("shutdown", "restart", "limit", "idle", "died", "operator", "worker");

const workspace = {
  open_workspace: {
    limits: orEmpty(limits),
    documents: optional(list(documentState), []),
    journal: optional(list(journalEntry), []),
    kept: yes,
  },
  close_workspace: {},
  workspace_closed: { reason: text },
  renew_lease: { epochs: mapping(whole) },
  follow_journal: {},
  journal_followed: { unjournaled: optional(list(journalEntry), []) },
  journaled: {},
  checkpoint: { documents: list(documentState), removed: optional(list(text), []) },
  checkpointed: {},
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
    tail: nothing,
    name: optional(outputName, "stdout"),
  },
  session_started: { environment: text, document: nothing, at: never },
  session_ended: { reason: text, document: nothing, code: optional(endings, "died"), at: never },
  notice: { text, level: optional(oneOf("info", "warning", "error"), "info"), document: nothing },
} satisfies { [type: string]: Fields };

/** Every message type: its name on the wire and the fields of its content. */
export const TYPES = { ...connection, ...commands, ...files, ...jupyter, ...workspace };

const envelope = {
  workspace: nothing,
  session: nothing,
  epoch: zero,
  n: zero,
  run: nothing,
  client: nothing,
  k: zero,
  request: zero,
  channel: zero,
} satisfies Fields;

/** The name of a message type on the wire. */
export type MessageType = keyof typeof TYPES;
/** What a message of a type says, as it was read: every field is there. */
export type Content<T extends MessageType> = Values<(typeof TYPES)[T]>;
/** What must be given to make a message of a type. */
export type ContentGiven<T extends MessageType> = Given<(typeof TYPES)[T]>;
/** Where a message belongs: workspace, session, place in the stream, who asked. */
export type Envelope = Values<typeof envelope>;
/** A message of one type with its envelope. */
export type FrameOf<T extends MessageType> = Envelope & { readonly type: T; readonly content: Content<T> };
/** Any message with its envelope; `type` tells which. */
export type Frame = { [T in MessageType]: FrameOf<T> }[MessageType];

/** A message with its envelope, made of what differs from the standard values. */
export function frame<T extends MessageType>(
  type: T,
  content: ContentGiven<T>,
  where: Partial<Envelope> = {},
): FrameOf<T> {
  const filled = fillFields(TYPES[type] as Fields, content) as Content<T>;
  return { ...fillFields(envelope, where), type, content: filled };
}

/** The JSON object of a frame. */
export function toJson(given: Frame): { [name: string]: unknown } {
  const content = writeFields(TYPES[given.type] as Fields, given.content);
  const head = { type: given.type, ...writeFields(envelope, given) };
  return Object.keys(content).length > 0 ? { ...head, content } : head;
}

/** The JSON text of a frame. */
export function dumpFrame(given: Frame): string {
  return JSON.stringify(toJson(given));
}

/**
 * The frame for a JSON text.
 *
 * @throws MessageError naming the field that is wrong; UnknownType for a type that this version does not know.
 */
export function parseFrame(given: string): Frame {
  let data: unknown;
  try {
    data = JSON.parse(given);
  } catch (error) {
    throw new MessageError(`message: this is not JSON: ${String(error).slice(0, 100)}.`);
  }
  return fromJson(data);
}

/** The frame for a JSON value; as `parseFrame`. */
export function fromJson(data: unknown): Frame {
  if (data === null || typeof data !== "object" || Array.isArray(data)) {
    throw new MessageError("message: an object is needed.");
  }
  const { type, content } = data as { type?: unknown; content?: unknown };
  if (typeof type !== "string") throw new MessageError("message.type: a string is needed.");
  if (!Object.hasOwn(TYPES, type)) {
    throw new UnknownType(`message.type: '${type.slice(0, 60)}' is not known here.`);
  }
  const head = readFields(envelope, data, "message");
  const body = readFields(
    TYPES[type as MessageType] as Fields,
    content === undefined ? {} : content,
    "content",
  );
  if (Math.min(head.epoch, head.n, head.k, head.request, head.channel) < 0) {
    throw new MessageError("message: epoch, n, k, request and channel cannot be negative.");
  }
  return { ...head, type, content: body } as Frame;
}
