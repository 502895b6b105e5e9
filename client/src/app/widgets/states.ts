/**
 * WidgetStates: what a session has said of its widgets, kept from the moment that the page is open. Pure.
 *
 * Invariant: a state that is known is the session's, as of the last message that was heard.
 */

import type { CommFrame, JsonObject } from "../../lib/index";

/** What the channels of widgets are called (Jupyter's widget protocol, 2.1). */
const WIDGET_TARGET = "jupyter.widget";

/** With `DataView`s where the session has binary values. */
export type WidgetState = { [name: string]: unknown };

/** A change of one widget's state. */
export interface WidgetUpdate {
  readonly method: "update" | "echo_update";
  readonly state: WidgetState;
}

export class WidgetStates {
  readonly #states = new Map<string, WidgetState>();

  /** The state of a widget, the caller's own; undefined where nothing is known of it. */
  get(widget: string): WidgetState | undefined {
    const state = this.#states.get(widget);
    return state && structuredClone(state);
  }

  has(widget: string): boolean {
    return this.#states.has(widget);
  }

  /** Takes in a message; true where it tells the states of all widgets. */
  hear(frame: CommFrame): boolean {
    const { comm_id: widget } = frame.content;
    if (frame.type === "comm_close") this.#states.delete(widget);
    else if (frame.type === "comm_open") {
      if (frame.content.target_name === WIDGET_TARGET)
        this.#states.set(widget, withBuffers(frame.content, "state"));
    } else {
      if (frame.content.data["method"] === "update_states") return this.#takeAll(frame.content);
      const update = updateOf(frame);
      const known = this.#states.get(widget);
      if (update && known) Object.assign(known, update.state);
    }
    return false;
  }

  /** The session is another one, or was not heard for a while. */
  clear(): void {
    this.#states.clear();
  }

  #takeAll(content: Said): true {
    for (const [widget, told] of Object.entries(withBuffers(content, "states"))) {
      const { state } = told as { state?: unknown };
      if (isObject(state)) this.#states.set(widget, state);
    }
    return true;
  }
}

/** The change that a message tells, the caller's own; undefined where it tells none. */
export function updateOf(frame: CommFrame): WidgetUpdate | undefined {
  if (frame.type !== "comm_msg") return undefined;
  const { method } = frame.content.data;
  if (method !== "update" && method !== "echo_update") return undefined;
  return { method, state: withBuffers(frame.content, "state") };
}

interface Said {
  readonly data: JsonObject;
  readonly buffers: readonly Uint8Array[];
}

/** What `data` has under a name, as a copy, with the buffers at their places: the protocol's `buffer_paths`. */
function withBuffers({ data, buffers }: Said, name: string): WidgetState {
  const copy: unknown = structuredClone(data[name]);
  if (!isObject(copy)) return {};
  const paths = Array.isArray(data["buffer_paths"]) ? data["buffer_paths"] : [];
  paths.forEach((path, index) => {
    const buffer = buffers[index];
    if (buffer && Array.isArray(path)) put(copy, path, new DataView(new Uint8Array(buffer).buffer));
  });
  return copy;
}

/** Steps are names in objects and numbers in lists. */
function put(root: WidgetState, path: readonly unknown[], value: DataView): void {
  let place: unknown = root;
  for (const step of path.slice(0, -1)) place = isObject(place) ? place[String(step)] : undefined;
  if (isObject(place)) place[String(path.at(-1))] = value;
}

function isObject(value: unknown): value is WidgetState {
  return typeof value === "object" && value !== null;
}
