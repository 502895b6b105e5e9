/** The widget `Output`: shows what the session says that it shows (`sagews/worker/session_capture.py`). */

import { DOMWidgetModel, DOMWidgetView } from "@jupyter-widgets/base";
import { h } from "../dom";
import { OutputList } from "../output/outputlist";
import type { Output } from "../../lib/index";
import type { WidgetManager } from "./manager";

export class OutputModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), _model_name: "OutputModel", _view_name: "OutputView", outputs: [] };
  }
}

export class OutputWidgetView extends DOMWidgetView {
  #list: OutputList | null = null;

  override render(): void {
    super.render();
    this.el.classList.add("jupyter-widgets", "widget-output");
    const element = h("div", { class: "widget-outputs" });
    this.el.append(element);
    this.#list = new OutputList(element, (this.model.widget_manager as WidgetManager).views);
    this.listenTo(this.model, "change:outputs", () => this.#draw());
    // Widgets among the outputs want to stand in the page when they are drawn.
    void this.displayed.then(() => this.#draw());
  }

  override remove(): void {
    this.#list?.draw([]);
    super.remove();
  }

  #draw(): void {
    this.#list?.draw(this.model.get("outputs") as readonly Output[]);
  }
}
