/**
 * Keepsakes: edits that are not acknowledged yet, kept in the browser's storage over a reload.
 *
 * Invariant: each client writes only under its own name, so two tabs never overwrite each other's edits; who finds the
 * edits of another sends them too, which does no harm, as Yjs updates may be applied twice.
 */

import { fromBase64, toBase64 } from "./fields";

/** What the library needs of localStorage or sessionStorage. */
export interface StorageLike {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Edits that were found, and where. */
export interface Keepsake {
  readonly key: string;
  readonly value: string;
  readonly update: Uint8Array;
}

/** Larger edits of a document (as base64) are not kept. */
export const LARGEST_KEEPSAKE = 1024 * 1024;

export class Keepsakes {
  readonly #storage: StorageLike | undefined;
  readonly #client: string;
  readonly #problem: (error: unknown) => void;

  /** @param problem is told when the storage fails; the edits then live in memory only. */
  constructor(storage: StorageLike | undefined, client: string, problem: (error: unknown) => void) {
    this.#storage = storage;
    this.#client = client;
    this.#problem = problem;
  }

  /** Keeps this update as all that is unacknowledged of the document; null: nothing is. */
  keep(workspace: string, document: string, update: Uint8Array | null): void {
    const key = prefix(workspace, document) + this.#client;
    const value = update ? toBase64(update) : "";
    this.#attempt((storage) => {
      if (!value) storage.removeItem(key);
      else if (value.length <= LARGEST_KEEPSAKE) storage.setItem(key, value);
    });
  }

  /** What other clients (this tab before its reload) left of the document. */
  find(workspace: string, document: string): Keepsake[] {
    const start = prefix(workspace, document);
    const found: Keepsake[] = [];
    this.#attempt((storage) => {
      for (let index = 0; index < storage.length; index += 1) {
        const key = storage.key(index);
        if (!key?.startsWith(start) || key === start + this.#client) continue;
        const value = storage.getItem(key);
        if (value) found.push({ key, value, update: fromBase64(value) });
      }
    });
    return found;
  }

  /** The edits are acknowledged: forget them, unless their writer has written more since. */
  forget(keepsake: Keepsake): void {
    this.#attempt((storage) => {
      if (storage.getItem(keepsake.key) === keepsake.value) storage.removeItem(keepsake.key);
    });
  }

  #attempt(action: (storage: StorageLike) => void): void {
    if (!this.#storage) return;
    try {
      action(this.#storage);
    } catch (error) {
      this.#problem(error);
    }
  }
}

function prefix(workspace: string, document: string): string {
  return `sagews:unacknowledged:${encodeURIComponent(workspace)}:${encodeURIComponent(document)}:`;
}
