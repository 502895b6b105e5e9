/** People: who is attached to a workspace. */

import type { Frame, Person, Role } from "./messages";

export class People {
  readonly #client: string;
  #all: readonly Person[] = [];

  /** @param client our name. */
  constructor(client: string) {
    this.#client = client;
  }

  get all(): readonly Person[] {
    return this.#all;
  }

  /** What we may do; null = not known yet. */
  get role(): Role | null {
    return this.#all.find(({ client }) => this.isMe(client))?.role ?? null;
  }

  /** Whether the name of a client is ours; the site writes the account's id and a slash before it. */
  isMe(client: string): boolean {
    return client === this.#client || client.endsWith(`/${this.#client}`);
  }

  /** These, and nobody else. */
  restore(people: readonly Person[]): void {
    this.#all = people;
  }

  /** Somebody came or left; false where the frame tells something else. */
  apply(frame: Frame): boolean {
    if (frame.type === "person_came") {
      const { person } = frame.content;
      this.#all = [...this.#all.filter(({ client }) => client !== person.client), person];
    } else if (frame.type === "person_left") {
      this.#all = this.#all.filter(({ client }) => client !== frame.content.client);
    } else return false;
    return true;
  }
}
