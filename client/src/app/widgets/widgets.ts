/**
 * Widgets: the widgets of one worksheet's session, for the places in the page that show them.
 *
 * Invariants: the state of a widget is the session's, never the page's; what draws widgets (and is large) is loaded when
 * there is one to draw.
 */

import { randomName, SagewsError } from "../../lib/index";
import type { CommFrame, SessionView, Worksheet } from "../../lib/index";
import type { OutputView, WidgetViews } from "../output/outputview";
import type { Messages } from "../pages/shell";
import type { WidgetManager } from "./manager";
import { WidgetPlace } from "./place";
import { WidgetStates } from "./states";

/** By which ipywidgets tells the states of all widgets, and the version of what is said there. */
const CONTROL = { target_name: "jupyter.widget.control", metadata: { version: "1.0.0" } };
const REQUEST = { method: "request_states" };

export class Widgets implements WidgetViews {
  readonly readOnly: boolean;
  readonly #worksheet: Worksheet;
  readonly #messages: Messages;
  readonly #states = new WidgetStates();
  readonly #places = new Set<WidgetPlace>();
  readonly #stops: (() => void)[];
  #manager: Promise<WidgetManager> | null = null;
  #asked: Promise<void> | null = null;
  #answered: () => void = () => undefined;
  #control = "";
  #lives: boolean;

  constructor(worksheet: Worksheet, readOnly: boolean, messages: Messages) {
    this.readOnly = readOnly;
    this.#worksheet = worksheet;
    this.#messages = messages;
    this.#lives = isAlive(worksheet.session);
    this.#stops = [
      worksheet.on("comm", (frame) => this.#hear(frame)),
      worksheet.on("session", (session) => this.#follow(session)),
      worksheet.on("restored", () => this.#forget()),
    ];
  }

  close(): void {
    for (const stop of this.#stops) stop();
    for (const place of this.#places) place.close();
  }

  view(widget: string, fallback: HTMLElement): OutputView {
    const place = new WidgetPlace(this, widget, fallback, () => this.#places.delete(place));
    this.#places.add(place);
    return place;
  }

  /** Whether there is a session that may have widgets. */
  get live(): boolean {
    return this.#lives;
  }

  /** Whether the session has this widget; asks it, where it was not heard of it yet. */
  async find(widget: string): Promise<boolean> {
    if (!this.#states.has(widget) && this.#lives) await (this.#asked ??= this.#ask());
    return this.#states.has(widget);
  }

  /** What draws the widgets. */
  manager(): Promise<WidgetManager> {
    return (this.#manager ??= this.#load());
  }

  async #load(): Promise<WidgetManager> {
    const { WidgetManager: Manager, loadStyle } = await import("./manager");
    await loadStyle();
    return new Manager({
      worksheet: this.#worksheet,
      states: this.#states,
      views: this,
      refused: (error) => this.#messages.show("error", error.message),
    });
  }

  /** Resolves when the states are known, or will not be. */
  async #ask(): Promise<void> {
    const comm_id = (this.#control = randomName(16));
    const answered = new Promise<void>((resolve) => (this.#answered = resolve));
    try {
      await this.#worksheet.comm({ type: "comm_open", content: { comm_id, ...CONTROL } });
      await this.#worksheet.comm({ type: "comm_msg", content: { comm_id, data: REQUEST } });
    } catch (error) {
      // The session is gone, or the workspace was opened again: there is nothing to show.
      if (!(error instanceof SagewsError)) throw error;
      this.#answered();
    }
    return answered;
  }

  #hear(frame: CommFrame): void {
    const all = this.#states.hear(frame);
    // Closed at once where nobody in the session has widgets.
    if (all || (frame.type === "comm_close" && frame.content.comm_id === this.#control)) this.#answered();
    if (!all) void this.#manager?.then((manager) => manager.hear(frame));
  }

  #follow(session: SessionView): void {
    const lives = isAlive(session);
    if (this.#lives && !lives) this.#forget();
    this.#lives = lives;
    if (session.state !== "busy") void this.#manager?.then((manager) => manager.idle());
    if (!lives) for (const place of this.#places) place.show();
  }

  /** All widgets are asked for anew, if there is somebody to ask. */
  #forget(): void {
    this.#states.clear();
    this.#manager = this.#asked = null;
    this.#answered();
    this.#lives = isAlive(this.#worksheet.session);
    for (const place of this.#places) place.show();
  }
}

function isAlive({ state }: SessionView): boolean {
  return state === "idle" || state === "busy";
}
