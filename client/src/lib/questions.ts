/** Questions: what was asked and not answered yet, by number. */

import type { SagewsError } from "./errors";
import type { Content, Frame, MessageType } from "./messages";

/** What each question is answered by. */
export interface Answers {
  complete_request: "complete_reply";
  inspect_request: "inspect_reply";
  is_complete_request: "is_complete_reply";
  kernel_info_request: "kernel_info_reply";
  detach: "done";
}

interface Open {
  readonly answer: MessageType;
  resolve(content: never): void;
  reject(error: SagewsError): void;
}

/** Numbers are given by the caller, so that those of all workspaces on a connection differ. */
export class Questions {
  readonly #open = new Map<number, Open>();

  /** A promise for the answer to the question with this number. */
  add<T extends MessageType>(request: number, answer: T): Promise<Content<T>> {
    return new Promise<Content<T>>((resolve, reject) => {
      this.#open.set(request, { answer, resolve, reject });
    });
  }

  /** Takes a frame, if it is the answer to a question. */
  answered(frame: Frame): boolean {
    const open = this.#open.get(frame.request);
    if (!open || open.answer !== frame.type) return false;
    this.#open.delete(frame.request);
    open.resolve(frame.content as never);
    return true;
  }

  /** A question is refused. */
  refused(request: number, error: SagewsError): boolean {
    const open = this.#open.get(request);
    this.#open.delete(request);
    open?.reject(error);
    return open !== undefined;
  }

  /** No answer will come to any of them. */
  abandon(error: SagewsError): void {
    for (const request of [...this.#open.keys()]) this.refused(request, error);
  }
}
