/**
 * Rich: HTML, Markdown, SVG and formulas as elements of the page.
 *
 * This module brings KaTeX, marked and DOMPurify with it, and is loaded when the first such output is shown.
 */

import { h } from "../dom";
import { drawFormula, drawFormulasInText, drawMarkedFormulas } from "./formula";
import { prepareLatex } from "./latex";
import { markdownToHtml } from "./markdown";
import { withoutMathScripts } from "./mime";
import { sanitiseHtml, sanitiseSvg } from "./sanitise";

export function renderHtml(html: string): HTMLElement {
  const fragment = sanitiseHtml(withoutMathScripts(html));
  drawFormulasInText(fragment);
  return h("div", { class: "rich-text output-html" }, fragment);
}

/** @param fileAddress where a file of the worksheet's folder is found, for pictures. */
export function renderMarkdown(markdown: string, fileAddress?: (path: string) => string): HTMLElement {
  const fragment = sanitiseHtml(markdownToHtml(markdown));
  drawMarkedFormulas(fragment);
  for (const image of fragment.querySelectorAll("img")) {
    const source = image.getAttribute("src") ?? "";
    if (fileAddress && source && !/^(?:[a-z]+:|\/|#)/i.test(source)) image.src = fileAddress(source);
  }
  return h("div", { class: "rich-text" }, fragment);
}

export function renderSvg(svg: string): HTMLElement {
  return h("div", { class: "output-picture", role: "img", "aria-label": "Picture" }, sanitiseSvg(svg));
}

export function renderLatex(latex: string): HTMLElement {
  return h("div", { class: "output-latex" }, drawFormula(prepareLatex(latex)));
}
