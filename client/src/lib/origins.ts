/**
 * Origins: the addresses of a site, of which any one will do, and which of them is used now.
 *
 * Invariants: there is always one in use; none is ever forgotten.
 */

import { SagewsError } from "./errors";

export class Origins {
  #all: readonly string[];
  #index = 0;

  /** @param addresses such as "https://sage.example:8443", the best first. */
  constructor(addresses: readonly string[]) {
    this.#all = [...new Set(addresses.map(withoutSlash))];
    if (this.#all.length === 0) throw new SagewsError("usage", "A site needs at least one address.");
  }

  /** The one in use. */
  get current(): string {
    return this.#all[this.#index] ?? "";
  }

  get count(): number {
    return this.#all.length;
  }

  /** Whether the one in use is the one that came first. */
  get isHome(): boolean {
    return this.#index === 0;
  }

  /** All of them, from the one in use on. */
  inTurn(): readonly string[] {
    return [...this.#all.slice(this.#index), ...this.#all.slice(0, this.#index)];
  }

  /** Learns more of them. */
  add(addresses: readonly string[]): void {
    this.#all = [...new Set([...this.#all, ...addresses.map(withoutSlash)])];
  }

  /** Uses this one, which answers. */
  use(address: string): void {
    const index = this.#all.indexOf(withoutSlash(address));
    if (index >= 0) this.#index = index;
  }

  /** This one does not answer: uses the next, unless another one is in use already. */
  leave(address: string): void {
    if (this.current === withoutSlash(address)) this.#index = (this.#index + 1) % this.#all.length;
  }
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, "");
}
