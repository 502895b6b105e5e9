/**
 * LiveDocument: one shared document, kept the same here and on the server.
 *
 * Invariant: what was edited here is in `#waiting`, or in the outbox, or acknowledged, and it is in the keepsakes for as
 * long as it is not acknowledged. Edits of some milliseconds go out as one update.
 */

import {
  Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from "y-protocols/awareness";
import * as Y from "yjs";
import type { Refused } from "./errors";
import { Emitter } from "./events";
import type { Keepsake, Keepsakes } from "./keepsakes";
import type { Outbox } from "./outbox";
import type { Timer, Timing } from "./timing";

/** The origin of transactions that came from the server: they are not sent back. */
export const FROM_SERVER = Symbol("from the server");

/** For so many milliseconds edits are gathered into one update. */
export const GATHER_MILLISECONDS = 40;
const FIRST_RETRY_MILLISECONDS = 1_000;
const LONGEST_RETRY_MILLISECONDS = 10_000;

/** Refusals after which sending the same again makes no sense. */
const FINAL = ["not_allowed", "not_signed_in", "bad_message", "too_large", "usage"];

export interface DocumentEvents {
  /** The number of edits that are not acknowledged changed. */
  acknowledged: number;
  /** The server will not take what was edited here. */
  refused: Refused;
  moved: string;
  saved: number;
  /** Cursors and names of ours changed: the bytes are to be told to the others. */
  presence: Uint8Array;
}

/** What a document needs of its workspace. */
export interface Surroundings {
  readonly workspace: string;
  readonly outbox: Outbox;
  readonly keepsakes: Keepsakes;
  readonly timing: Timing;
  epoch(): number;
  /** There is something new in the outbox. */
  pump(): void;
}

export class LiveDocument extends Emitter<DocumentEvents> {
  readonly id: string;
  readonly doc = new Y.Doc();
  /** Its content has come. */
  here = false;
  /** The server does not have it at the moment: nothing is sent. */
  held = false;
  /** The number of the last event that changed it; 0 = none was seen. */
  changed = 0;
  /** Unix time in milliseconds at which its file was written; 0 = not seen. */
  savedAt = 0;
  /** The file has everything up to this event. */
  savedUpTo = 0;
  #path: string;
  readonly #around: Surroundings;
  readonly #keepsakes: Keepsake[];
  #waiting: Uint8Array[] = [];
  #timer: Timer = null;
  #retryTime = FIRST_RETRY_MILLISECONDS;
  #reported = 0;
  #awareness: Awareness | null = null;
  #presenceTimer: Timer = null;
  readonly #present = new Map<string, Set<number>>();

  constructor(id: string, path: string, around: Surroundings) {
    super();
    this.id = id;
    this.#path = path;
    this.#around = around;
    this.doc.on("update", this.#changed);
    this.#keepsakes = around.keepsakes.find(around.workspace, id);
    for (const { update } of this.#keepsakes) {
      Y.applyUpdate(this.doc, update, FROM_SERVER);
      this.#edited(update);
    }
  }

  get path(): string {
    return this.#path;
  }

  set path(path: string) {
    if (path === this.#path) return;
    this.#path = path;
    this.emit("moved", path);
  }

  /** Updates that are not known to be kept by the server; what is not sent yet counts as one. */
  get unacknowledged(): number {
    return this.#around.outbox.updates(this.id).length + (this.#waiting.length > 0 ? 1 : 0);
  }

  /** Sends what was edited now, rather than in some milliseconds. */
  flush(): void {
    if (this.#timer !== null) this.#around.timing.cancel(this.#timer);
    this.#timer = null;
    if (this.#waiting.length > 0 && !this.held) {
      this.#around.outbox.addUpdate(this.id, merged(this.#waiting), this.#around.epoch());
      this.#waiting = [];
    }
    this.#keep();
    this.#around.pump();
    this.#report();
  }

  /** An update from the server. */
  apply(update: Uint8Array, n: number): void {
    this.changed = Math.max(this.changed, n);
    Y.applyUpdate(this.doc, update, FROM_SERVER);
  }

  /** The server's state, in a snapshot: what it lacks is sent, besides what is under way. */
  restore(state: Uint8Array): void {
    const lacking = this.#lacking([state, ...this.#around.outbox.updates(this.id), ...this.#waiting]);
    Y.applyUpdate(this.doc, state, FROM_SERVER);
    if (lacking) this.#edited(lacking);
    this.held = false;
    this.flush();
  }

  /** What is under way waits until `restore`. */
  hold(): void {
    this.held = true;
    this.#waiting.unshift(...this.#around.outbox.takeUpdates(this.id));
  }

  /** The server has it again, and told its content as events: it is sent all that we have. */
  release(): void {
    this.held = false;
    this.#edited(Y.encodeStateAsUpdate(this.doc));
    this.flush();
  }

  /** An update of this document is acknowledged. */
  acknowledged(): void {
    this.#retryTime = FIRST_RETRY_MILLISECONDS;
    if (this.unacknowledged === 0) {
      for (const keepsake of this.#keepsakes.splice(0)) this.#around.keepsakes.forget(keepsake);
    }
    this.#keep();
    this.#report();
  }

  /**
   * An update of this document is refused: it is sent again in a while, or given up, and with it all that was edited
   * since, which builds on it. False where it is given up: the document has what the server never will.
   */
  refused(update: Uint8Array, error: Refused): boolean {
    if (FINAL.includes(error.code)) {
      this.#giveUp();
      this.emit("refused", error);
      return false;
    }
    this.#waiting.unshift(update);
    if (this.#timer !== null) this.#around.timing.cancel(this.#timer);
    this.#timer = this.#around.timing.after(this.#retryTime, () => this.flush());
    this.#retryTime = Math.min(this.#retryTime * 2, LONGEST_RETRY_MILLISECONDS);
    this.#report();
    return true;
  }

  saved(contains: number, at: number): void {
    this.savedUpTo = contains;
    this.savedAt = at;
    this.emit("saved", at);
  }

  /** Whether the file lacks edits, as far as was seen. */
  get unsaved(): boolean {
    return this.unacknowledged > 0 || this.changed > this.savedUpTo;
  }

  /** Nobody here looks at the document any more: the others see our cursor go. */
  leave(): void {
    this.#awareness?.setLocalState(null);
    const state = this.presence();
    if (state) this.emit("presence", state);
    this.#awareness?.destroy();
    this.#awareness = null;
    this.#around.timing.cancel(this.#presenceTimer);
    this.#presenceTimer = null;
  }

  /** Stops all timers, after writing down what is not acknowledged; what is edited from now on goes nowhere. */
  close(): void {
    this.doc.off("update", this.#changed);
    this.#around.timing.cancel(this.#timer);
    this.#around.timing.cancel(this.#presenceTimer);
    this.#timer = this.#presenceTimer = null;
    this.#keep();
    this.#awareness?.destroy();
    this.#awareness = null;
  }

  readonly #changed = (update: Uint8Array, origin: unknown): void => {
    if (origin !== FROM_SERVER) this.#edited(update);
  };

  #giveUp(): void {
    this.#waiting = [];
    this.#around.outbox.takeUpdates(this.id);
    for (const keepsake of this.#keepsakes.splice(0)) this.#around.keepsakes.forget(keepsake);
    this.#keep();
    this.#report();
  }

  #edited(update: Uint8Array): void {
    this.#waiting.push(update);
    this.#timer ??= this.#around.timing.after(GATHER_MILLISECONDS, () => this.flush());
    this.#report();
  }

  #report(): void {
    const now = this.unacknowledged;
    if (now === this.#reported) return;
    this.#reported = now;
    this.emit("acknowledged", now);
  }

  #keep(): void {
    const all = [...this.#around.outbox.updates(this.id), ...this.#waiting];
    this.#around.keepsakes.keep(this.#around.workspace, this.id, all.length > 0 ? merged(all) : null);
  }

  /** What our document has and these updates together have not, or null. */
  #lacking(updates: readonly Uint8Array[]): Uint8Array | null {
    const theirs = new Y.Doc();
    for (const update of updates) Y.applyUpdate(theirs, update);
    const added: Uint8Array[] = [];
    theirs.on("update", (update: Uint8Array) => added.push(update));
    Y.applyUpdate(theirs, Y.encodeStateAsUpdate(this.doc, Y.encodeStateVector(theirs)));
    theirs.destroy();
    return added.length > 0 ? merged(added) : null;
  }

  // --- presence

  /** Cursors and names of everyone who looks at the document. */
  get awareness(): Awareness {
    return (this.#awareness ??= this.#newAwareness());
  }

  /** What others are told of our cursor, or null where nobody here looks at the document. */
  presence(): Uint8Array | null {
    const awareness = this.#awareness;
    return awareness && encodeAwarenessUpdate(awareness, [awareness.clientID]);
  }

  /** Somebody's cursor. */
  applyPresence(client: string, state: Uint8Array): void {
    if (this.#awareness) applyAwarenessUpdate(this.#awareness, state, client);
  }

  /** Somebody is gone. */
  forgetPerson(client: string): void {
    const ids = this.#present.get(client);
    this.#present.delete(client);
    if (ids && this.#awareness) removeAwarenessStates(this.#awareness, [...ids], "gone");
  }

  #newAwareness(): Awareness {
    const awareness = new Awareness(this.doc);
    awareness.on("update", ({ added, updated, removed }: Record<string, number[]>, origin: unknown) => {
      const touched = [...(added ?? []), ...(updated ?? []), ...(removed ?? [])];
      if (touched.includes(awareness.clientID)) this.#tellPresence();
      else if (typeof origin === "string") this.#note(origin, added ?? []);
    });
    return awareness;
  }

  #note(client: string, ids: readonly number[]): void {
    const known = this.#present.get(client) ?? new Set();
    this.#present.set(client, known);
    for (const id of ids) known.add(id);
  }

  #tellPresence(): void {
    this.#presenceTimer ??= this.#around.timing.after(GATHER_MILLISECONDS, () => {
      this.#presenceTimer = null;
      const state = this.presence();
      if (state) this.emit("presence", state);
    });
  }
}

function merged(updates: readonly Uint8Array[]): Uint8Array {
  const [first, ...more] = updates;
  return first !== undefined && more.length === 0 ? first : Y.mergeUpdates([...updates]);
}
