/** OutputView: one output of a run, in the best form that can be shown. */

import { joinText } from "../../lib/index";
import type { JsonObject, Output } from "../../lib/index";
import { h } from "../dom";
import { renderActive } from "./frame";
import { chooseMime, isActive, textOf } from "./mime";
import type { Mime } from "./mime";
import { TextView } from "./textview";

export interface OutputView {
  readonly element: HTMLElement;
  /** Shows another output in the same place; false where it needs a view of its own. */
  update(output: Output): boolean;
  /** It is not in the page any more. */
  close?(): void;
}

/** What shows widgets, which a session has, by their names. */
export interface WidgetViews {
  /** @param fallback what is shown where the session does not have it any more. */
  view(widget: string, fallback: HTMLElement): OutputView;
}

const WIDGET = "application/vnd.jupyter.widget-view+json";

const loadRich = () => import("./rich");

/** Loads now what the first formula will need. */
export function preloadRich(): void {
  void loadRich();
}

export function viewOutput(output: Output, widgets?: WidgetViews): OutputView {
  switch (output["output_type"]) {
    case "stream":
      return textOutput(output, String(output["name"]), (given) => joinText(given["text"]));
    case "error":
      return textOutput(output, "error", errorText);
    default: {
      const widget = widgetIn(output);
      return widgets && widget ? widgets.view(widget, dataView(output).element) : dataView(output);
    }
  }
}

function dataIn(output: Output): JsonObject {
  return (output["data"] ?? {}) as JsonObject;
}

/** The name of the widget that an output shows; "" = none. */
function widgetIn(output: Output): string {
  const form = dataIn(output)[WIDGET] as JsonObject | undefined;
  const name = form?.["model_id"];
  return typeof name === "string" ? name : "";
}

/** A picture takes the place of the one before without a moment of nothing between them. */
function dataView(first: Output): OutputView {
  const mime = chooseMime(dataIn(first));
  const element = dataElement(first);
  const picture = element.querySelector<HTMLImageElement>(":scope > .output-picture > img");
  const update = (output: Output): boolean => {
    if (!picture || widgetIn(output) || chooseMime(dataIn(output)) !== mime || !mime) return false;
    picture.src = pictureAddress(mime, dataIn(output));
    picture.alt = textOf(dataIn(output), "text/plain") || "Picture";
    return true;
  };
  return { element, update };
}

function pictureAddress(mime: Mime, data: JsonObject): string {
  return `data:${mime};base64,${textOf(data, mime).replace(/\s/g, "")}`;
}

function textOutput(first: Output, kind: string, textIn: (output: Output) => string): OutputView {
  const view = new TextView(kind);
  view.show(textIn(first));
  const update = (output: Output): boolean => {
    const same = output["output_type"] === first["output_type"] && output["name"] === first["name"];
    if (same) view.show(textIn(output));
    return same;
  };
  return { element: view.element, update };
}

function errorText(output: Output): string {
  const traceback = output["traceback"];
  if (Array.isArray(traceback) && traceback.length > 0) return traceback.join("\n");
  return `${String(output["ename"])}: ${String(output["evalue"])}`;
}

function dataElement(output: Output): HTMLElement {
  const data = dataIn(output);
  const mime = chooseMime(data);
  const block = h("div", { class: "output-block", "data-mime": mime });
  if (!mime) {
    const forms = Object.keys(data).join(", ");
    block.append(h("p", { class: "note" }, `This output cannot be shown here (${forms || "it is empty"}).`));
    return block;
  }
  const direct = renderDirectly(mime, data);
  if (direct) block.append(direct);
  else void renderRichly(block, mime, data);
  return block;
}

/** Forms that need nothing else to be loaded. */
function renderDirectly(mime: Mime, data: JsonObject): HTMLElement | null {
  if (mime === "text/plain" || mime === "application/json") return plain(textOf(data, mime));
  if (mime === "text/html" && isActive(textOf(data, mime))) return renderActive(textOf(data, mime));
  if (/^image\/(?:png|jpeg|gif|webp)$/.test(mime)) {
    return h(
      "div",
      { class: "output-picture" },
      h("img", { src: pictureAddress(mime, data), alt: textOf(data, "text/plain") || "Picture" }),
    );
  }
  return null;
}

async function renderRichly(block: HTMLElement, mime: Mime, data: JsonObject): Promise<void> {
  const text = textOf(data, mime);
  try {
    const rich = await loadRich();
    if (mime === "text/html") block.append(rich.renderHtml(text));
    else if (mime === "text/markdown") block.append(rich.renderMarkdown(text));
    else if (mime === "image/svg+xml") block.append(rich.renderSvg(text));
    else if (mime === "text/latex") block.append(rich.renderLatex(text));
  } catch (error) {
    // The script could not be loaded: the text itself is better than nothing.
    block.append(plain(textOf(data, "text/plain") || text));
    throw error;
  }
}

function plain(text: string): HTMLElement {
  const view = new TextView("plain");
  view.show(text);
  return view.element;
}
