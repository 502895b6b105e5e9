/** OutputList: outputs one below the other; those that did not change stay as they are. */

import type { Output } from "../../lib/index";
import { viewOutput } from "./outputview";
import type { OutputView, WidgetViews } from "./outputview";

export class OutputList {
  readonly #element: HTMLElement;
  readonly #widgets: WidgetViews | undefined;
  #views: { output: Output; view: OutputView }[] = [];

  /**
   * @param element gets them as its children.
   * @param widgets shows widgets; without it, what they say besides is shown.
   */
  constructor(element: HTMLElement, widgets?: WidgetViews) {
    this.#element = element;
    this.#widgets = widgets;
  }

  draw(outputs: readonly Output[]): void {
    outputs.forEach((output, index) => this.#drawOne(output, index));
    for (const { view } of this.#views.splice(outputs.length)) drop(view);
  }

  /** Where the output with this index is. */
  at(index: number): HTMLElement | undefined {
    return this.#views[index]?.view.element;
  }

  #drawOne(output: Output, index: number): void {
    const known = this.#views[index];
    if (known?.output === output) return;
    if (known?.view.update(output)) {
      known.output = output;
      return;
    }
    const view = viewOutput(output, this.#widgets);
    if (known) known.view.element.replaceWith(view.element);
    else this.#element.append(view.element);
    if (known) drop(known.view);
    this.#views[index] = { output, view };
  }
}

function drop(view: OutputView): void {
  view.element.remove();
  view.close?.();
}
