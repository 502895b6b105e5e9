/** Documents: the live documents of a workspace, as far as they are known here. */

import { LiveDocument } from "./document";
import type { Surroundings } from "./document";

export class Documents {
  readonly #around: Surroundings;
  readonly #tellPresence: (document: string, state: Uint8Array | null) => void;
  readonly #live = new Map<string, LiveDocument>();
  readonly #arrivals = new Map<string, () => void>();

  /** @param tellPresence tells others of our cursor; null = there is none. */
  constructor(around: Surroundings, tellPresence: (document: string, state: Uint8Array | null) => void) {
    this.#around = around;
    this.#tellPresence = tellPresence;
  }

  get all(): readonly LiveDocument[] {
    return [...this.#live.values()];
  }

  get(id: string): LiveDocument | undefined {
    return this.#live.get(id);
  }

  /** The one with this id; made where it is not known. */
  known(id: string, path: string): LiveDocument {
    const known = this.#live.get(id);
    if (known) return known;
    const live = new LiveDocument(id, path, this.#around);
    live.on("presence", (state) => this.#tellPresence(id, state));
    this.#live.set(id, live);
    return live;
  }

  /** Knows it no more. */
  delete(id: string): void {
    this.#live.delete(id);
  }

  /** Resolves when the content of the document is here. */
  arrived(id: string): Promise<void> {
    if (this.#live.get(id)?.here) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#arrivals.get(id);
      this.#arrivals.set(id, () => {
        before?.();
        resolve();
      });
    });
  }

  /** Its content is here. */
  arrive(id: string): void {
    const live = this.#live.get(id);
    if (live) live.here = true;
    this.#arrivals.get(id)?.();
    this.#arrivals.delete(id);
  }

  /** Somebody is gone from each. */
  forgetPerson(client: string): void {
    for (const live of this.#live.values()) live.forgetPerson(client);
  }

  /** Tells others of our cursor in each. */
  tellPresences(): void {
    for (const live of this.#live.values()) this.#tellPresence(live.id, live.presence());
  }
}
