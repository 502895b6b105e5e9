/** HtmlView: the widgets `HTML` and `HTMLMath`, without anything that acts and with formulas drawn. */

import { DescriptionView } from "@jupyter-widgets/controls";
import { renderHtml } from "../output/rich";

export class HtmlView extends DescriptionView {
  #content: HTMLElement | null = null;

  override render(): void {
    super.render();
    this.el.classList.add("jupyter-widgets", "widget-inline-hbox", "widget-html");
    this.update();
  }

  override update(): void {
    const content = renderHtml(String(this.model.get("value")));
    content.classList.add("widget-html-content");
    if (this.#content) this.#content.replaceWith(content);
    else this.el.append(content);
    this.#content = content;
  }
}
