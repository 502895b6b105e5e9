/** Formula: draws LaTeX with KaTeX, in elements and in text. */

import katex from "katex";
import { h } from "../dom";
import { SAGE_MACROS, splitMath } from "./latex";
import type { Formula } from "./latex";
import { MATH_DISPLAY, MATH_INLINE } from "./markdown";

/** The formula as an element; where KaTeX cannot draw it, its source. */
export function drawFormula({ tex, display }: Formula): HTMLElement {
  const element = h("span", { class: display ? "formula display" : "formula" });
  try {
    katex.render(tex, element, {
      displayMode: display,
      fleqn: true,
      macros: { ...SAGE_MACROS },
      strict: "ignore",
      trust: false,
      maxSize: 50,
      maxExpand: 10_000,
    });
  } catch (error) {
    if (!(error instanceof katex.ParseError)) throw error;
    const source = h("code", { class: "formula-source", title: error.message }, tex);
    element.replaceChildren(source);
  }
  return element;
}

/** Draws the formulas that `markdownToHtml` marked. */
export function drawMarkedFormulas(root: ParentNode): void {
  for (const kind of [MATH_INLINE, MATH_DISPLAY]) {
    for (const code of root.querySelectorAll(`code.${kind}`)) {
      code.replaceWith(drawFormula({ tex: code.textContent, display: kind === MATH_DISPLAY }));
    }
  }
}

const NO_MATH = "code, pre, script, style, textarea, .katex, svg, math";

/** Draws the formulas in the text of an element, but not in its code. */
export function drawFormulasInText(root: Node): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found: Text[] = [];
  while (walker.nextNode()) {
    const node = walker.currentNode as Text;
    if (/[$\\]/.test(node.data) && !node.parentElement?.closest(NO_MATH)) found.push(node);
  }
  for (const node of found) {
    const pieces = splitMath(node.data);
    if (pieces.every((piece) => typeof piece === "string")) continue;
    node.replaceWith(...pieces.map((piece) => (typeof piece === "string" ? piece : drawFormula(piece))));
  }
}
