/** Help with code, asked of a session: how it can go on, and what a name is. */

import type { Attachment } from "./attachment";
import { codePoints, utf16Units } from "./characters";
import type { JsonObject } from "./fields";

/** How code can go on. */
export interface Completion {
  readonly matches: readonly string[];
  /** What the matches take the place of, in UTF-16 units as JavaScript and CodeMirror count. */
  readonly start: number;
  readonly end: number;
  /** More about the matches, by keys that the environment defines (IPython: "_jupyter_types_experimental"). */
  readonly metadata: JsonObject;
}

/** What is known of a name. */
export interface Inspection {
  readonly found: boolean;
  /** By MIME type. */
  readonly data: JsonObject;
}

/** Whether code is complete; `indent` is what the next line starts with, where it is not. */
export interface Completeness {
  readonly status: "complete" | "incomplete" | "invalid" | "unknown";
  readonly indent: string;
}

/** How can the code go on at `cursor` (in UTF-16 units)? */
export async function complete(
  attachment: Attachment,
  session: string,
  code: string,
  cursor: number,
): Promise<Completion> {
  const question = { code, cursor_pos: codePoints(code, cursor) };
  const answer = await attachment.ask("complete_request", "complete_reply", question, session);
  const { matches, cursor_start, cursor_end, metadata } = answer;
  return { matches, start: utf16Units(code, cursor_start), end: utf16Units(code, cursor_end), metadata };
}

/** What is known of the name at `cursor` (in UTF-16 units)? `detail` 1 asks for its source too. */
export async function inspect(
  attachment: Attachment,
  session: string,
  code: string,
  cursor: number,
  detail: 0 | 1,
): Promise<Inspection> {
  const question = { code, cursor_pos: codePoints(code, cursor), detail_level: detail };
  const { found, data } = await attachment.ask("inspect_request", "inspect_reply", question, session);
  return { found, data };
}
