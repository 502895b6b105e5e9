/** WidgetPlace: where a widget is shown: the widget itself, or what its output says besides, and why. */

import { h } from "../dom";
import type { OutputView } from "../output/outputview";
import type { Widgets } from "./widgets";

const GONE = "The session of this widget is over: run the cell to use it.";
const ASKING = "The session is asked for this widget; it answers when it has nothing else to do.";
const BROKEN =
  "This widget cannot be drawn. Load the page again; what went wrong is in the browser's console.";

export class WidgetPlace implements OutputView {
  readonly element: HTMLElement;
  readonly #widgets: Widgets;
  readonly #widget: string;
  readonly #fallback: HTMLElement;
  readonly #onClose: () => void;
  #remove: () => void = () => undefined;
  /** Counts attempts to show it: only the last one may draw. */
  #attempt = 0;

  constructor(widgets: Widgets, widget: string, fallback: HTMLElement, onClose: () => void) {
    this.#widgets = widgets;
    this.#widget = widget;
    this.#fallback = fallback;
    this.#onClose = onClose;
    this.element = h("div", { class: "output-block output-widget", "data-testid": "widget" });
    this.element.inert = widgets.readOnly;
    this.show();
  }

  update(): boolean {
    return false;
  }

  close(): void {
    this.#attempt += 1;
    this.#clear();
    this.#onClose();
  }

  /** Shows it as it is now. */
  show(): void {
    const attempt = (this.#attempt += 1);
    void this.#draw(() => attempt !== this.#attempt).catch((error: unknown) => {
      this.#say(BROKEN);
      throw error;
    });
  }

  async #draw(isOver: () => boolean): Promise<void> {
    if (this.#widgets.live) this.#say(ASKING);
    else return this.#say(GONE);
    const found = await this.#widgets.find(this.#widget);
    if (isOver()) return;
    if (!found) return this.#say(GONE);
    const manager = await this.#widgets.manager();
    const view = await manager.viewOf(this.#widget);
    if (isOver() || !this.element.isConnected) return view.remove();
    this.#clear();
    this.#remove = view.attach(this.element);
  }

  #say(note: string): void {
    this.#clear();
    this.element.append(this.#fallback, h("p", { class: "note widget-note" }, note));
  }

  #clear(): void {
    this.#remove();
    this.#remove = () => undefined;
    this.element.replaceChildren();
  }
}
