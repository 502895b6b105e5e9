/**
 * Attachment: follows one workspace's stream over whatever connection there is.
 *
 * Invariants: each numbered event of an epoch is told once, in order, or a snapshot takes its place; nothing is sent to
 * the workspace before it is attached on the present connection; a command is never sent to another epoch than its own.
 */

import type { Connection } from "./connection";
import { Refused, SagewsError } from "./errors";
import { Emitter } from "./events";
import { frame as makeFrame } from "./messages";
import type { Content, ContentGiven, Frame, FrameOf } from "./messages";
import { Outbox } from "./outbox";
import type { CommandType, RefusedUpdate } from "./outbox";
import { Questions } from "./questions";
import type { Answers } from "./questions";
import type { Timer, Timing } from "./timing";

/** How a workspace is followed. */
export interface WorkspaceState {
  /**
   * attaching: asked for, or the connection is not open; waiting: it cannot be opened now (`reason`) and is tried again;
   * refused: it is not to be had (`reason`), `attach()` tries again.
   */
  readonly name: "detached" | "attaching" | "attached" | "waiting" | "refused";
  /** Unix time in milliseconds. */
  readonly since: number;
  readonly reason?: SagewsError;
}

export interface AttachmentEvents {
  state: WorkspaceState;
  attached: Content<"attached">;
  /** Anything that is told about the workspace: numbered events, each once, and unnumbered ones. */
  event: Frame;
  /** An update of this document is acknowledged. */
  acknowledged: string;
  refused: RefusedUpdate & { readonly error: Refused };
}

const FINAL = ["not_allowed", "not_signed_in", "not_found", "bad_message", "usage"];
const FIRST_RETRY_MILLISECONDS = 200;
const LONGEST_RETRY_MILLISECONDS = 5_000;

interface Caller {
  resolve(): void;
  reject(error: SagewsError): void;
}

export class Attachment extends Emitter<AttachmentEvents> {
  readonly id: string;
  readonly outbox: Outbox;
  /** Which opening of the workspace is followed; 0 = none yet. */
  epoch = 0;
  /** The last event of it. */
  n = 0;
  #state: WorkspaceState;
  readonly #connection: Connection;
  readonly #client: string;
  readonly #timing: Timing;
  readonly #number: () => number;
  readonly #questions = new Questions();
  #callers: Caller[] = [];
  #request = 0;
  #timer: Timer = null;
  #retryTime = FIRST_RETRY_MILLISECONDS;
  /** The next answer is to be a snapshot, whatever was heard before. */
  #anew = false;

  /** @param number gives numbers for questions, each once on a connection. */
  constructor(id: string, client: string, connection: Connection, timing: Timing, number: () => number) {
    super();
    this.id = id;
    this.outbox = new Outbox(id, client);
    this.#client = client;
    this.#connection = connection;
    this.#timing = timing;
    this.#number = number;
    this.#state = { name: "detached", since: timing.now() };
  }

  get state(): WorkspaceState {
    return this.#state;
  }

  /** Follows the workspace from now on, over reconnections. Resolves when it is attached, rejects when refused. */
  attach(): Promise<void> {
    if (this.#state.name === "attached") return Promise.resolve();
    if (this.#state.name === "detached" || this.#state.name === "refused") this.#ask();
    return new Promise((resolve, reject) => this.#callers.push({ resolve, reject }));
  }

  /** Asks for everything anew: a snapshot comes, as if nothing had been heard before. */
  startOver(): void {
    this.#anew = true;
    if (this.#state.name === "attached") this.#ask();
  }

  /** Follows it no more. What is unacknowledged stays in the outbox. */
  async detach(): Promise<void> {
    const was = this.#state.name;
    this.#end(
      { name: "detached", since: this.#timing.now() },
      new SagewsError("usage", "The workspace was let go."),
    );
    if (was !== "attached") return;
    const request = this.#number();
    if (!this.#connection.send(makeFrame("detach", {}, { workspace: this.id, request }))) return;
    await this.#questions.add(request, "done");
  }

  /** Sends a command, which may have a name (`run`); the promise ends with the answer, over reconnections. */
  command<T extends CommandType>(
    type: T,
    content: ContentGiven<T>,
    session = "",
    run = "",
  ): Promise<Content<"acknowledged">> {
    if (this.epoch === 0) {
      return Promise.reject(
        new SagewsError("usage", "The workspace is not attached.", "Call attach() first."),
      );
    }
    const answer = this.outbox.addCommand(type, content, session, this.epoch, run);
    this.pump();
    return answer;
  }

  /** Does it again when the workspace is at a new epoch meanwhile; only for what may be done twice. */
  async again<T>(action: () => Promise<T>): Promise<T> {
    for (let times = 0; ; times += 1) {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof Refused) || error.code !== "fenced" || times >= 5) throw error;
        await this.attach();
      }
    }
  }

  /** Asks a session something; rejects where the connection is lost before the answer. */
  ask<T extends keyof Answers & ("detach" | `${string}_request`)>(
    type: T,
    answer: Answers[T],
    content: ContentGiven<T>,
    session: string,
  ): Promise<Content<Answers[T]>> {
    const request = this.#number();
    const sent = this.send(makeFrame(type, content, { workspace: this.id, session, request }) as Frame);
    if (!sent)
      return Promise.reject(new SagewsError("unavailable", "There is no connection.", "It is tried again."));
    return this.#questions.add(request, answer);
  }

  /** Sends a frame that may be lost; false where it is not attached. */
  send(frame: Frame): boolean {
    return this.#state.name === "attached" && this.#connection.send(frame);
  }

  /** Sends what is new in the outbox. */
  pump(): void {
    this.outbox.pump((frame) => this.send(frame));
  }

  // --- the connection

  /** The connection is open (again). */
  opened(): void {
    if (this.#state.name !== "detached" && this.#state.name !== "refused") this.#ask();
  }

  /** The connection is lost; with `refusal`, no other one will be tried. */
  lost(refusal?: SagewsError): void {
    if (refusal) for (const caller of this.#callers.splice(0)) caller.reject(refusal);
    this.#timing.cancel(this.#timer);
    this.#questions.abandon(new SagewsError("unavailable", "The connection was lost.", "Try again."));
    if (this.#state.name === "attached" || this.#state.name === "waiting")
      this.#become({ name: "attaching" });
  }

  /** A frame about this workspace. */
  hear(frame: Frame): void {
    if (frame.type === "attached") this.#attached(frame);
    else if (frame.type === "acknowledged") {
      const document = this.outbox.acknowledged(frame.k, frame.content);
      if (document !== undefined) this.emit("acknowledged", document);
    } else if (frame.type === "refused") this.#refused(frame);
    else if (frame.request > 0 && this.#questions.answered(frame)) return;
    else if (frame.type === "workspace_closed") this.#closed(frame);
    else this.#event(frame);
  }

  #event(frame: Frame): void {
    if (frame.n > 0) {
      if (frame.epoch !== this.epoch || frame.n <= this.n) return;
      this.n = frame.n;
    }
    this.emit("event", frame);
  }

  #ask(): void {
    this.#timing.cancel(this.#timer);
    this.outbox.unsend();
    this.#become({ name: "attaching" });
    this.#request = this.#number();
    const where = {
      workspace: this.id,
      epoch: this.#anew ? 0 : this.epoch,
      n: this.#anew ? 0 : this.n,
      client: this.#client,
      request: this.#request,
    };
    this.#connection.send(makeFrame("attach", {}, where));
  }

  #attached(frame: FrameOf<"attached">): void {
    if (this.#state.name === "detached" || this.#state.name === "refused") return;
    if (frame.epoch !== this.epoch) this.outbox.fence(frame.epoch);
    this.epoch = frame.epoch;
    this.#anew = false;
    if (frame.content.how === "snapshot") this.n = frame.n;
    this.#retryTime = FIRST_RETRY_MILLISECONDS;
    this.#state = { name: "attached", since: this.#timing.now() };
    this.emit("attached", frame.content);
    this.pump();
    this.emit("state", this.#state);
    for (const caller of this.#callers.splice(0)) caller.resolve();
  }

  #refused(frame: FrameOf<"refused">): void {
    const { code, what, what_to_do } = frame.content;
    const error = new Refused(code, what, what_to_do);
    if (frame.k > 0) {
      const update = this.outbox.refused(frame.k, error);
      if (update) this.#updateRefused(update, error);
    } else if (this.#questions.refused(frame.request, error)) return;
    else if (frame.request === this.#request || frame.request === 0) this.#attachRefused(frame, error);
  }

  /** Where the workspace is another one now, or does not know us, attaching again is the remedy. */
  #updateRefused(update: RefusedUpdate, error: Refused): void {
    this.emit("refused", { ...update, error });
    if ((error.code === "fenced" || error.code === "not_found") && this.#state.name === "attached")
      this.#ask();
  }

  #attachRefused(frame: FrameOf<"refused">, error: Refused): void {
    const { refused } = frame.content;
    if (this.#state.name === "detached" || (refused !== "" && refused !== "attach")) return;
    if (FINAL.includes(error.code))
      this.#end({ name: "refused", since: this.#timing.now(), reason: error }, error);
    else this.#askLater(error);
  }

  #closed(frame: FrameOf<"workspace_closed">): void {
    if (this.#state.name === "detached" || this.#state.name === "refused") return;
    this.#questions.abandon(new Refused("unavailable", frame.content.reason, "Try again."));
    this.#askLater(new Refused("unavailable", frame.content.reason, "It is opened again."));
  }

  #askLater(reason: SagewsError): void {
    this.#become({ name: "waiting", reason });
    const time = this.#retryTime * (0.5 + this.#timing.chance() / 2);
    this.#retryTime = Math.min(this.#retryTime * 2, LONGEST_RETRY_MILLISECONDS);
    this.#timing.cancel(this.#timer);
    this.#timer = this.#timing.after(time, () => this.#ask());
  }

  #end(state: WorkspaceState, error: SagewsError): void {
    this.#timing.cancel(this.#timer);
    this.#questions.abandon(error);
    this.outbox.abandon(new Refused(error.code, error.what, error.whatToDo));
    this.#become(state);
    for (const caller of this.#callers.splice(0)) caller.reject(error);
  }

  #become(state: Omit<WorkspaceState, "since">): void {
    this.#state = { since: this.#timing.now(), ...state };
    this.emit("state", this.#state);
  }
}
