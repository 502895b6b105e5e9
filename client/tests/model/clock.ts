/** A clock that the test moves: timers fire in order, and promises settle in between. */

import { setImmediate } from "node:timers/promises";

import type { Timer, Timing } from "../../src/lib/timing";

interface Due {
  readonly at: number;
  readonly number: number;
  readonly action: () => void;
}

export class Clock implements Timing {
  readonly random: Random;
  #now = 1_700_000_000_000;
  #number = 0;
  readonly #due = new Set<Due>();

  constructor(seed = 1) {
    this.random = new Random(seed);
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, action: () => void): Timer {
    const due = { at: this.#now + Math.max(0, milliseconds), number: (this.#number += 1), action };
    this.#due.add(due);
    return due;
  }

  cancel(timer: Timer): void {
    this.#due.delete(timer as Due);
  }

  chance(): number {
    return this.random.next();
  }

  /** How many timers have not fired. */
  get waiting(): number {
    return this.#due.size;
  }

  /** Lets so much time pass. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await setImmediate();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#due.delete(next);
      this.#now = next.at;
      next.action();
      await setImmediate();
    }
    this.#now = end;
  }

  /** Lets time pass until the promise settles; fails where that takes more than an hour. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => (settled = true);
    promise.then(done, done);
    for (let passed = 0; passed < 3_600_000; passed += 5) {
      await this.pass(5);
      if (settled) return promise;
    }
    throw new Error("The promise does not settle.");
  }

  #next(end: number): Due | undefined {
    let next: Due | undefined;
    for (const due of this.#due) {
      if (due.at > end) continue;
      if (!next || due.at < next.at || (due.at === next.at && due.number < next.number)) next = due;
    }
    return next;
  }
}

/** Random numbers that a seed determines (a linear congruential generator; Knuth, TAOCP 3.3.4). */
export class Random {
  #state: bigint;

  constructor(seed: number) {
    this.#state = BigInt(seed) * 2_654_435_761n + 1n;
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state =
      (this.#state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) & ((1n << 64n) - 1n);
    return Number(this.#state >> 33n) / 2 ** 31;
  }

  /** From 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }
}
