/** Comms: the channels between widgets in a session and the pages that show them (Jupyter's "comms"). */

import type { ContentGiven, Frame, FrameOf } from "./messages";

type CommType = "comm_open" | "comm_msg" | "comm_close";

/** What a session says; `run` names the message that it answers, or the run. */
export type CommFrame = { [T in CommType]: FrameOf<T> }[CommType];

/** What a page says; whatever answers it names it (`run`). */
export type CommWords = {
  [T in CommType]: { readonly type: T; readonly content: ContentGiven<T>; readonly name?: string };
}[CommType];

export function isComm(frame: Frame): frame is CommFrame {
  return frame.type === "comm_open" || frame.type === "comm_msg" || frame.type === "comm_close";
}
