/**
 * Outbox: a client's updates and commands to one workspace, numbered, kept until they are answered.
 *
 * Invariants: numbers grow and are sent in order; nothing leaves but by an answer (or, for a command, by a new epoch,
 * at which it must never run); what was not answered is sent again after a reconnection under its old number.
 */

import * as Y from "yjs";
import { Refused } from "./errors";
import { frame as makeFrame } from "./messages";
import type { Content, ContentGiven, Frame, MessageType } from "./messages";

/** Message types that are numbered, besides `update`. */
export type CommandType =
  | "open_document"
  | "run_cells"
  | "cancel_runs"
  | "clear_outputs"
  | "save"
  | "open_session"
  | "execute"
  | "interrupt_request"
  | "shutdown_request"
  | "input_reply"
  | "comm_open"
  | "comm_msg"
  | "comm_close";

interface Waiting {
  readonly k: number;
  readonly epoch: number;
  readonly type: MessageType;
  readonly content: ContentGiven<MessageType>;
  readonly session: string;
  readonly run: string;
  /** On the present connection. */
  sent: boolean;
  /** On any connection: the server may know what has this number, so it must stay as it is. */
  known: boolean;
}

interface WaitingUpdate extends Waiting {
  readonly document: string;
  readonly update: Uint8Array;
}

interface WaitingCommand extends Waiting {
  resolve(answer: Content<"acknowledged">): void;
  reject(error: Refused): void;
}

type Item = WaitingUpdate | WaitingCommand;

/** An update that the server refused, so that its caller can see what to do with it. */
export interface RefusedUpdate {
  readonly document: string;
  readonly update: Uint8Array;
}

export class Outbox {
  #items: Item[] = [];
  #last = 0;
  readonly #workspace: string;
  readonly #client: string;

  constructor(workspace: string, client: string) {
    this.#workspace = workspace;
    this.#client = client;
  }

  /** Queues an update; joins it with the one before, where that was never sent. */
  addUpdate(document: string, update: Uint8Array, epoch: number): void {
    const before = this.#items.at(-1);
    if (before && isUpdate(before) && !before.known && before.document === document) {
      this.#items[this.#items.length - 1] = newUpdate(
        before.k,
        epoch,
        document,
        Y.mergeUpdates([before.update, update]),
      );
    } else this.#items.push(newUpdate((this.#last += 1), epoch, document, update));
  }

  /** Queues a command, which may have a name (`run`); the promise ends with the server's answer. */
  addCommand<T extends CommandType>(
    type: T,
    content: ContentGiven<T>,
    session: string,
    epoch: number,
    run = "",
  ): Promise<Content<"acknowledged">> {
    return new Promise((resolve, reject) => {
      const k = (this.#last += 1);
      this.#items.push({ k, epoch, type, content, session, run, sent: false, known: false, resolve, reject });
    });
  }

  /** Hands everything that was not sent to `send`, in order, until that says false. */
  pump(send: (frame: Frame) => boolean): void {
    for (const item of this.#items) {
      if (item.sent) continue;
      if (!send(this.#frame(item))) return;
      item.sent = item.known = true;
    }
  }

  /** The connection is another one: what is unanswered has to be sent again. */
  unsend(): void {
    for (const item of this.#items) item.sent = false;
  }

  /** Number k is done. Returns the document, where it was an update. */
  acknowledged(k: number, answer: Content<"acknowledged">): string | undefined {
    const item = this.#take(k);
    if (!item) return undefined;
    if (isUpdate(item)) return item.document;
    item.resolve(answer);
    return undefined;
  }

  /** Number k is refused. Returns the update, where it was one. */
  refused(k: number, error: Refused): RefusedUpdate | undefined {
    const item = this.#take(k);
    if (!item || isUpdate(item)) return item;
    item.reject(error);
    return undefined;
  }

  /** A new epoch: commands of the ones before are refused, never sent again. */
  fence(epoch: number): void {
    const error = new Refused(
      "fenced",
      "The workspace was opened again before this was done.",
      "Do it again.",
    );
    this.#dropCommands((item) => item.epoch !== epoch, error);
  }

  /** Nobody will answer any more. */
  abandon(error: Refused): void {
    this.#dropCommands(() => true, error);
  }

  /** The updates of a document that are not answered, in order. */
  updates(document: string): Uint8Array[] {
    return this.#items.flatMap((item) => (isUpdate(item) && item.document === document ? [item.update] : []));
  }

  /** As `updates`, and takes them out. */
  takeUpdates(document: string): Uint8Array[] {
    const taken = this.updates(document);
    this.#items = this.#items.filter((item) => !isUpdate(item) || item.document !== document);
    return taken;
  }

  #dropCommands(chosen: (item: WaitingCommand) => boolean, error: Refused): void {
    const dropped = this.#items.filter((item): item is WaitingCommand => !isUpdate(item) && chosen(item));
    this.#items = this.#items.filter((item) => isUpdate(item) || !chosen(item));
    for (const item of dropped) item.reject(error);
  }

  #take(k: number): Item | undefined {
    const place = this.#items.findIndex((item) => item.k === k);
    return place < 0 ? undefined : this.#items.splice(place, 1)[0];
  }

  #frame(item: Item): Frame {
    const { k, epoch, session, run } = item;
    const where = { workspace: this.#workspace, client: this.#client, k, epoch, session, run };
    return makeFrame(item.type, item.content, where) as Frame;
  }
}

function newUpdate(k: number, epoch: number, document: string, update: Uint8Array): WaitingUpdate {
  const content = { document, update };
  const nowhere = { session: "", run: "", sent: false, known: false };
  return { k, epoch, type: "update", content, ...nowhere, document, update };
}

function isUpdate(item: Item): item is WaitingUpdate {
  return item.type === "update";
}
