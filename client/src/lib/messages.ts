/**
 * The messages between a browser or script and a backend: the mirror of `sagews/messages/`, read by the same examples.
 *
 * `docs/protocol.md` tells who sends which message when; the comments of the Python declarations say what each means.
 */

import { MessageError, UnknownType } from "./errors";
import { fillFields, readFields, writeFields } from "./fields";
import type { Fields, Given, Values } from "./fields";
import { nothing, zero } from "./records";
import { TYPES } from "./vocabulary";

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
