/** A network between clients and the model server: it takes time, keeps the order, and can be cut at any moment. */

import type { SocketLike } from "../../src/lib/socket";
import type { Clock } from "./clock";

/** The server's end of a socket. */
export interface Peer {
  send(text: string): void;
  close(): void;
  onText: (text: string) => void;
  onGone: () => void;
}

export class Network {
  /** Milliseconds from one end to the other. */
  delay = 1;
  /** Addresses that refuse connections. */
  readonly down = new Set<string>();
  /** Addresses that take connections and never say anything. */
  readonly silent = new Set<string>();
  /** Addresses that were tried, in order. */
  readonly tried: string[] = [];
  readonly #clock: Clock;
  readonly #accept: (peer: Peer) => void;
  readonly #links = new Set<Link>();

  constructor(clock: Clock, accept: (peer: Peer) => void) {
    this.#clock = clock;
    this.#accept = accept;
  }

  /** What a Site's `openSocket` is. */
  readonly open = (url: string): SocketLike => {
    const address = url.replace(/\/sockjs$/, "");
    this.tried.push(address);
    const link = new Link(this.#clock, () => this.delay);
    this.#links.add(link);
    if (this.silent.has(address)) return link.client;
    this.#clock.after(this.delay, () => {
      if (this.down.has(address)) return link.cut();
      this.#accept(link.server);
      link.client.onopen?.({});
    });
    return link.client;
  };

  /** Cuts every connection; what is under way is lost. */
  cutAll(): void {
    for (const link of this.#links) link.cut();
    this.#links.clear();
  }

  /** Cuts the connections for which `chosen` says so. */
  cutSome(chosen: () => boolean): void {
    for (const link of this.#links) if (chosen()) link.cut();
  }

  /** From now on nothing passes, and nobody is told. */
  freeze(): void {
    for (const link of this.#links) link.frozen = true;
  }
}

class Link {
  frozen = false;
  #open = true;
  readonly #last = { up: 0, down: 0 };
  readonly #clock: Clock;
  readonly #delay: () => number;

  readonly client: SocketLike = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => this.#carry("up", () => this.server.onText(text)),
    close: () => this.cut(),
  };

  readonly server: Peer = {
    onText: () => undefined,
    onGone: () => undefined,
    send: (text) => this.#carry("down", () => this.client.onmessage?.({ data: text })),
    close: () => this.#carry("down", () => this.cut()),
  };

  constructor(clock: Clock, delay: () => number) {
    this.#clock = clock;
    this.#delay = delay;
  }

  cut(): void {
    if (!this.#open) return;
    this.#open = false;
    this.server.onGone();
    this.#clock.after(0, () => this.client.onclose?.({}));
  }

  /** What was sent earlier arrives earlier, also where the delay shrinks. */
  #carry(way: "up" | "down", arrive: () => void): void {
    if (!this.#open) return;
    this.#last[way] = Math.max(this.#last[way], this.#clock.now() + this.#delay());
    this.#clock.after(this.#last[way] - this.#clock.now(), () => {
      if (this.#open && !this.frozen) arrive();
    });
  }
}
