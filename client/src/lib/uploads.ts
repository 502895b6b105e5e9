/**
 * Uploads: files of any size, in parts, with progress. A part that does not arrive is sent again; what the site has
 * already, also from before the page was loaded, is not.
 */

import type { Api } from "./api";
import { ApiError } from "./errors";
import type { StorageLike } from "./keepsakes";

/** How far an upload is, in bytes. */
export interface UploadProgress {
  readonly sent: number;
  readonly size: number;
  /** Nothing arrives at the moment; it is tried again. */
  readonly waiting: boolean;
}

export interface UploadOptions {
  /** Refuse it where there is a file already. */
  readonly keep?: boolean;
  readonly onProgress?: (progress: UploadProgress) => void;
  /** Ends the upload; what has come of it is thrown away. */
  readonly signal?: AbortSignal;
  /** How often in a row nothing may arrive before it is given up; each time the pause is longer, up to 10 s. */
  readonly attempts?: number;
}

interface UploadState {
  readonly id: string;
  readonly size: number;
  readonly received: number;
  readonly finished: boolean;
}

/** Small files go in one request. */
const SMALL_BYTES = 256 * 1024;
const PART_BYTES = 2 * 1024 * 1024;
const FIRST_PAUSE_MILLISECONDS = 500;
const LONGEST_PAUSE_MILLISECONDS = 10_000;
/** Refusals that another attempt may not meet. */
const PASSING = ["unavailable", "worker_unavailable", "database_unavailable", "conflict", "over_limit"];

export class Uploads {
  readonly #api: Api;
  readonly #storage: StorageLike | undefined;

  /** @param storage of this tab only: remembers what is not finished, so that it goes on after a reload. */
  constructor(api: Api, storage?: StorageLike) {
    this.#api = api;
    this.#storage = storage;
  }

  /** Sends a file to `path`; resolves when it is in its place. */
  async send(workspace: string, path: string, file: Blob, options: UploadOptions = {}): Promise<void> {
    if (file.size <= SMALL_BYTES) return this.#sendWhole(workspace, path, file, options);
    const address = `/api/workspaces/${encodeURIComponent(workspace)}/uploads`;
    const key = keyOf(workspace, path, file);
    let state = await this.#known(address, key);
    state ??= await this.#api.post<UploadState>(address, {
      path,
      size: file.size,
      keep: options.keep ?? false,
    });
    this.#storage?.setItem(key, state.id);
    try {
      await this.#sendParts(`${address}/${state.id}`, file, state, options);
    } catch (error) {
      if (!isPassing(error) || isConflict(error)) {
        this.#storage?.removeItem(key);
        await this.#cancel(`${address}/${state.id}`);
      }
      throw error;
    }
    this.#storage?.removeItem(key);
  }

  async #sendWhole(workspace: string, path: string, file: Blob, options: UploadOptions): Promise<void> {
    await this.#api.files.write(workspace, path, file, { keep: options.keep ?? false });
    options.onProgress?.({ sent: file.size, size: file.size, waiting: false });
  }

  /** One that was begun before, with the same file. */
  async #known(address: string, key: string): Promise<UploadState | null> {
    const id = this.#storage?.getItem(key);
    if (!id) return null;
    try {
      return await this.#api.get<UploadState>(`${address}/${id}`);
    } catch (error) {
      if (error instanceof ApiError && error.code === "not_found") return null;
      throw error;
    }
  }

  async #sendParts(address: string, file: Blob, begun: UploadState, options: UploadOptions): Promise<void> {
    const { onProgress, signal, attempts = 20 } = options;
    let { received } = begun;
    let failures = 0;
    for (;;) {
      signal?.throwIfAborted();
      onProgress?.({ sent: received, size: file.size, waiting: failures > 0 });
      try {
        if (failures > 0) ({ received } = await this.#api.get<UploadState>(address));
        const body = file.slice(received, received + PART_BYTES);
        const part = this.#api.put<UploadState>(address, { body, query: { offset: String(received) } });
        const state = await (signal ? Promise.race([part, aborted(signal)]) : part);
        received = state.received;
        failures = 0;
        if (state.finished) return onProgress?.({ sent: received, size: file.size, waiting: false });
      } catch (error) {
        signal?.throwIfAborted();
        failures += 1;
        const isTaken = isConflict(error) && received + PART_BYTES >= file.size;
        if (!isPassing(error) || failures >= attempts || (isTaken && failures > 1)) throw error;
        await pause(Math.min(FIRST_PAUSE_MILLISECONDS * 2 ** (failures - 1), LONGEST_PAUSE_MILLISECONDS));
      }
    }
  }

  async #cancel(address: string): Promise<void> {
    try {
      await this.#api.delete(address);
    } catch (error) {
      // The site throws it away by itself after a day.
      if (!(error instanceof ApiError)) throw error;
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof ApiError && PASSING.includes(error.code);
}

function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.code === "conflict";
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
}

function keyOf(workspace: string, path: string, file: Blob): string {
  const changed = file instanceof File ? file.lastModified : 0;
  return `sagews-upload:${workspace}:${path}:${file.size}:${changed}`;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
