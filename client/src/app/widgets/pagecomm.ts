/**
 * PageComm: the page's end of one widget's channel, as the library that draws widgets wants it.
 *
 * Invariant: what is heard before the widget listens is kept for it.
 */

import type { ICallbacks, IClassicComm } from "@jupyter-widgets/base";

/** What the library wants to know of a message. */
export interface HeardMessage {
  readonly content: { readonly data: unknown };
  readonly buffers: readonly DataView[];
  readonly parent_header: { readonly msg_id: string };
}

/** What a widget says. */
export interface Said {
  readonly comm: string;
  readonly data: unknown;
  readonly buffers: readonly (ArrayBuffer | ArrayBufferView)[];
  /** Is called when the session has done with it. */
  readonly done: () => void;
}

export class PageComm implements IClassicComm {
  readonly comm_id: string;
  readonly target_name = "jupyter.widget";
  readonly #say: (said: Said) => string;
  #early: HeardMessage[] = [];
  #hear: ((message: HeardMessage) => void) | null = null;
  #closed: (message: HeardMessage) => void = () => undefined;

  /** @param say sends it and returns its name. */
  constructor(id: string, say: (said: Said) => string) {
    this.comm_id = id;
    this.#say = say;
  }

  open(): string {
    throw new Error("A page shows the widgets of a session, and makes none.");
  }

  send(
    data: unknown,
    callbacks?: ICallbacks,
    _metadata?: unknown,
    buffers: readonly (ArrayBuffer | ArrayBufferView)[] = [],
  ): string {
    const idle = { content: { execution_state: "idle" } };
    const done = (): void => callbacks?.iopub?.status?.(idle as never);
    return this.#say({ comm: this.comm_id, data, buffers, done });
  }

  /** What a page shows no more stays in the session. */
  close(): string {
    return "";
  }

  on_msg(callback: (message: HeardMessage) => void): void {
    this.#hear = callback;
    for (const message of this.#early.splice(0)) callback(message);
  }

  on_close(callback: (message: HeardMessage) => void): void {
    this.#closed = callback;
  }

  hear(message: HeardMessage): void {
    if (this.#hear) this.#hear(message);
    else this.#early.push(message);
  }

  /** The session closed it. */
  closed(message: HeardMessage): void {
    this.#closed(message);
  }
}
