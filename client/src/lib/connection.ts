/**
 * Connection: keeps one socket to a site open, whichever of its addresses answers.
 *
 * Invariants: at most one socket is in use, and what an older one still says is not heard; frames go out only after
 * the site's `welcome`. When an address fails or a connection is lost, the next one is tried at once; when
 * all have failed, a growing, random time is waited. Silence is no proof of life: after some of it the site is pinged.
 */

import { MessageError, SagewsError, UnknownType } from "./errors";
import { Emitter } from "./events";
import { dumpFrame, frame as makeFrame, parseFrame } from "./messages";
import type { Content, Frame } from "./messages";
import type { Origins } from "./origins";
import type { OpenSocket, SocketLike } from "./socket";
import type { Timer, Timing } from "./timing";

/** The state of the connection to the site. */
export interface ConnectionState {
  /**
   * connecting: trying; open: all is well; offline: waits until `retryAt`; refused: the site wants no connection
   * (`reason`, for example not_signed_in), `connect()` tries again; closed: not connected, and nobody wants to be.
   */
  readonly name: "connecting" | "open" | "offline" | "refused" | "closed";
  /** Unix time in milliseconds. While there is no connection: since when there has been none. */
  readonly since: number;
  /** Where it is offline: Unix time in milliseconds of the next try. */
  readonly retryAt?: number;
  /** Why there is no connection, where that is known. */
  readonly reason?: SagewsError;
  /** Where it is open: the address. */
  readonly address?: string;
}

export interface ConnectionEvents {
  state: ConnectionState;
  /** The site has welcomed us. */
  welcome: Content<"welcome">;
  frame: Frame;
  /** The site said something that is no message. */
  problem: SagewsError;
}

/** Milliseconds; the defaults are right for people and servers, tests take others. */
export interface Patience {
  /** Of silence, when an answer is awaited, before a ping. */
  readonly answer: number;
  /** Of silence, when none is, before a ping. */
  readonly silence: number;
  /** For the answer to a ping. */
  readonly pong: number;
  /** For a socket to open and the site to welcome us, where there are other addresses to try; it grows. */
  readonly opening: number;
  /** Before the first retry, when all addresses have failed; it doubles. */
  readonly firstRetry: number;
  readonly longestRetry: number;
}

export const PATIENCE: Patience = {
  answer: 2_000,
  silence: 10_000,
  pong: 1_800,
  opening: 1_500,
  firstRetry: 250,
  longestRetry: 8_000,
};

/** Refusals after which trying again later makes sense. */
const PASSING = ["unavailable", "worker_unavailable", "database_unavailable", "over_limit", "internal"];
const PROOF_MILLISECONDS = 5_000;

export interface ConnectionOptions {
  readonly origins: Origins;
  readonly openSocket: OpenSocket;
  readonly hello: () => Frame;
  readonly timing: Timing;
  readonly patience: Patience;
}

export class Connection extends Emitter<ConnectionEvents> {
  readonly #options: ConnectionOptions;
  readonly #timing: Timing;
  readonly #origins: Origins;
  #state: ConnectionState;
  #socket: SocketLike | null = null;
  /** Of the socket in use; what belongs to another number is not heard. */
  #attempt = 0;
  /** Addresses that have failed one after the other. */
  #failures = 0;
  #rounds = 0;
  #timer: Timer = null;
  #watch: Timer = null;
  /** Messages heard, ever. */
  #heard = 0;
  #awaiting = false;

  constructor(options: ConnectionOptions) {
    super();
    this.#options = options;
    this.#timing = options.timing;
    this.#origins = options.origins;
    this.#state = { name: "closed", since: this.#timing.now() };
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Starts to connect, unless it does already. */
  connect(): void {
    if (this.#state.name !== "closed" && this.#state.name !== "refused") return;
    this.#rounds = 0;
    this.#failures = 0;
    this.#become({ name: "connecting", since: this.#timing.now() });
    this.#try();
  }

  /** Tries again now, where it waits; where it is open, looks whether that is still so. */
  retry(): void {
    if (this.#state.name === "offline") this.#try();
    else if (this.#state.name === "open") this.#ping();
  }

  close(): void {
    this.#drop();
    this.#become({ name: "closed", since: this.#timing.now() });
  }

  /** Sends the frame; false (and nothing is sent) where the connection is not open. */
  send(frame: Frame): boolean {
    if (this.#state.name !== "open" || !this.#socket) return false;
    this.#socket.send(dumpFrame(frame));
    if (frame.type !== "presence" && !this.#awaiting) {
      this.#awaiting = true;
      this.#watchFor(this.#options.patience.answer);
    }
    return true;
  }

  // --- opening

  #try(): void {
    this.#drop();
    const attempt = this.#attempt;
    const address = this.#origins.current;
    const { reason, since } = this.#state;
    this.#become({ name: "connecting", since, ...(reason && { reason }) });
    this.#timer = this.#timing.after(this.#openingTime(), () =>
      this.#failed(attempt, address, noAnswer(address)),
    );
    void this.#open(attempt, address);
  }

  async #open(attempt: number, address: string): Promise<void> {
    try {
      const socket = await this.#options.openSocket(`${address}/sockjs`);
      if (attempt !== this.#attempt) socket.close();
      else this.#use(socket, attempt, address);
    } catch (error) {
      const what = `${address} cannot be reached (${String(error)}).`;
      this.#failed(attempt, address, new SagewsError("unavailable", what));
    }
  }

  #use(socket: SocketLike, attempt: number, address: string): void {
    this.#socket = socket;
    socket.onopen = () => {
      if (attempt === this.#attempt) socket.send(dumpFrame(this.#options.hello()));
    };
    socket.onmessage = (event: { data: unknown }) => {
      if (attempt === this.#attempt) this.#hear(event.data, attempt, address);
    };
    socket.onclose = () => {
      if (attempt === this.#attempt) this.#closed(attempt, address);
    };
  }

  #openingTime(): number {
    const { opening } = this.#options.patience;
    const first = this.#origins.count > 1 ? opening : opening * 4;
    return Math.min(first * 2 ** this.#rounds, opening * 8);
  }

  #failed(attempt: number, address: string, reason: SagewsError): void {
    if (attempt !== this.#attempt) return;
    this.#drop();
    this.#origins.leave(address);
    this.#failures += 1;
    const { since } = this.#state;
    this.#become({ name: "connecting", since, reason });
    if (this.#failures < this.#origins.count) return this.#try();
    this.#failures = 0;
    this.#wait(reason);
  }

  #wait(reason: SagewsError): void {
    const { firstRetry, longestRetry } = this.#options.patience;
    const longest = Math.min(firstRetry * 2 ** this.#rounds, longestRetry);
    const time = longest * (0.5 + this.#timing.chance() / 2);
    this.#rounds += 1;
    this.#become({ name: "offline", since: this.#state.since, retryAt: this.#timing.now() + time, reason });
    this.#timer = this.#timing.after(time, () => this.#try());
  }

  #welcomed(welcome: Content<"welcome">, address: string): void {
    this.#timing.cancel(this.#timer);
    this.#timer = null;
    this.#failures = 0;
    this.#rounds = Math.min(this.#rounds, 1);
    this.#origins.add(welcome.addresses);
    this.#origins.use(address);
    this.#become({ name: "open", since: this.#timing.now(), address });
    this.#watchFor(this.#options.patience.silence);
    this.emit("welcome", welcome);
  }

  #refused(error: SagewsError, attempt: number, address: string): void {
    const isLastWord = this.#origins.isHome && !PASSING.includes(error.code);
    if (!isLastWord) return this.#failed(attempt, address, error);
    this.#drop();
    this.#become({ name: "refused", since: this.#timing.now(), reason: error });
  }

  // --- while it is open

  #hear(data: unknown, attempt: number, address: string): void {
    this.#heard += 1;
    this.#awaiting = false;
    let frame: Frame;
    try {
      frame = parseFrame(String(data));
    } catch (error) {
      if (error instanceof UnknownType) return;
      if (!(error instanceof MessageError)) throw error;
      this.emit("problem", error);
      return;
    }
    if (frame.type === "ping") this.send(makeFrame("pong", {}));
    else if (frame.type === "pong") return;
    else if (this.#state.name === "open") this.emit("frame", frame);
    else if (frame.type === "welcome") this.#welcomed(frame.content, address);
    else if (frame.type === "refused") this.#refused(toError(frame.content), attempt, address);
  }

  #closed(attempt: number, address: string): void {
    const error = new SagewsError("unavailable", `The connection to ${address} was closed.`);
    if (this.#state.name !== "open") this.#failed(attempt, address, error);
    else this.#lost(error);
  }

  /** An open connection is gone: try the next address at once, unless it has only just been opened. */
  #lost(reason: SagewsError): void {
    this.#origins.leave(this.#state.address ?? "");
    const proven = this.#timing.now() - this.#state.since >= PROOF_MILLISECONDS;
    this.#drop();
    if (proven) this.#rounds = 0;
    this.#become({ name: "connecting", since: this.#timing.now(), reason });
    if (this.#rounds > 0) return this.#wait(reason);
    this.#rounds = proven ? 0 : 1;
    this.#try();
  }

  #watchFor(milliseconds: number): void {
    this.#timing.cancel(this.#watch);
    const heard = this.#heard;
    this.#watch = this.#timing.after(milliseconds, () => {
      if (this.#heard === heard) this.#ping();
      else this.#watchFor(this.#options.patience.silence);
    });
  }

  #ping(): void {
    const heard = this.#heard;
    this.#timing.cancel(this.#watch);
    this.#socket?.send(dumpFrame(makeFrame("ping", {})));
    this.#watch = this.#timing.after(this.#options.patience.pong, () => {
      if (this.#heard !== heard) return this.#watchFor(this.#options.patience.silence);
      this.#lost(noAnswer(this.#state.address ?? ""));
    });
  }

  /** Lets go of the socket and all timers. */
  #drop(): void {
    this.#attempt += 1;
    this.#timing.cancel(this.#timer);
    this.#timing.cancel(this.#watch);
    this.#timer = this.#watch = null;
    this.#awaiting = false;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.emit("state", state);
  }
}

function noAnswer(address: string): SagewsError {
  return new SagewsError("unavailable", `${address} does not answer.`, "It is tried again.");
}

function toError(content: Content<"refused">): SagewsError {
  return new SagewsError(content.code, content.what, content.what_to_do);
}
