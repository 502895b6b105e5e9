/** UploadQueue: files on their way to the site, a few at a time, whichever page is looked at. No DOM. */

import { ApiError } from "../../lib/index";
import type { Files } from "../../lib/index";

/** One file on its way. */
export interface Upload {
  readonly workspace: string;
  /** Where it will be. */
  readonly path: string;
  readonly size: number;
  sent: number;
  /** Nothing arrives at the moment; it is tried again. */
  waiting: boolean;
  state: "queued" | "sending" | "done" | "exists" | "failed";
  error: unknown;
}

interface Job extends Upload {
  readonly file: Blob;
  readonly abort: AbortController;
  keep: boolean;
}

const AT_ONCE = 2;

export class UploadQueue {
  readonly #listeners = new Set<() => void>();
  readonly #files: Files;
  readonly #jobs: Job[] = [];
  #sending = 0;

  constructor(files: Files) {
    this.#files = files;
  }

  /** Calls `listener` when anything about any upload has changed; returns how to stop that. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether something is not there yet. */
  get isBusy(): boolean {
    return this.#jobs.some(({ state }) => state === "queued" || state === "sending");
  }

  /** Those to one workspace, the oldest first; what is done is not among them. */
  of(workspace: string): readonly Upload[] {
    return this.#jobs.filter((job) => job.workspace === workspace);
  }

  /** Sends a file; one that is there already stays, and the upload asks (`exists`). */
  add(workspace: string, path: string, file: Blob): void {
    this.#jobs.push({
      workspace,
      path,
      file,
      size: file.size,
      sent: 0,
      waiting: false,
      state: "queued",
      error: null,
      abort: new AbortController(),
      keep: true,
    });
    this.#next();
  }

  /** Sends it once more, from where it ended. */
  retry(upload: Upload): void {
    this.#again(upload, (job) => job.keep);
  }

  /** Sends it in place of what is there. */
  replace(upload: Upload): void {
    this.#again(upload, () => false);
  }

  /** Ends it, or forgets it where it has ended. */
  drop(upload: Upload): void {
    const job = this.#jobs.find((one) => one === upload);
    job?.abort.abort(new Error("cancelled"));
    this.#forget(upload);
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #again(upload: Upload, keep: (job: Job) => boolean): void {
    const job = this.#jobs.find((one) => one === upload);
    if (!job) return;
    job.keep = keep(job);
    job.state = "queued";
    this.#next();
  }

  #forget(upload: Upload): void {
    const place = this.#jobs.findIndex((one) => one === upload);
    if (place >= 0) this.#jobs.splice(place, 1);
    this.#changed();
  }

  #next(): void {
    for (const job of this.#jobs) {
      if (this.#sending >= AT_ONCE) break;
      if (job.state === "queued") void this.#send(job);
    }
    this.#changed();
  }

  async #send(job: Job): Promise<void> {
    job.state = "sending";
    this.#sending += 1;
    try {
      await this.#files.uploads.send(job.workspace, job.path, job.file, {
        keep: job.keep,
        signal: job.abort.signal,
        onProgress: ({ sent, waiting }) => {
          Object.assign(job, { sent, waiting });
          this.#changed();
        },
      });
      job.state = "done";
      this.#forget(job);
    } catch (error) {
      job.error = error;
      job.state = error instanceof ApiError && error.code === "conflict" && job.keep ? "exists" : "failed";
    }
    this.#sending -= 1;
    this.#next();
  }
}
