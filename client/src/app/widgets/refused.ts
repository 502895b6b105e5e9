/** RefusedView: stands where a widget of another package than ipywidgets would. */

import { DOMWidgetView } from "@jupyter-widgets/base";
import { h } from "../dom";

export class RefusedView extends DOMWidgetView {
  override render(): void {
    super.render();
    const module = String(this.model.get("_view_module") ?? this.model.get("_model_module"));
    const what = `This widget needs scripts of the package ${module}, which this site does not load. `;
    this.el.append(h("p", { class: "note" }, `${what}Those of ipywidgets itself can be used.`));
  }
}
