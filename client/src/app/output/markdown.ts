/** Markdown: Markdown with formulas as HTML that is not sanitised yet. Pure. */

import { Marked } from "marked";
import type { TokenizerAndRendererExtension, Tokens } from "marked";
import { escapeHtml } from "./mime";

/** Class of the elements whose text is a formula to be drawn. */
export const MATH_INLINE = "math-inline";
export const MATH_DISPLAY = "math-display";

const DISPLAY = /^(?:\$\$([^]+?)\$\$|\\\[([^]+?)\\\]|(\\begin\{([a-z]+\*?)\}[^]+?\\end\{\4\}))/;
const INLINE = /^(?:\\\(([^]+?)\\\)|\$(?![\s$])((?:[^$\\]|\\[^])+?)(?<!\s)\$(?![\d$]))/;

function texOf(match: RegExpExecArray): string {
  return match.slice(1).find((group) => group !== undefined) ?? "";
}

function mathRule(
  name: string,
  level: "block" | "inline",
  rule: RegExp,
  kind: string,
): TokenizerAndRendererExtension {
  return {
    name,
    level,
    start: (source) => {
      // A block begins with a line; only there may it end a paragraph.
      const place = source.search(
        level === "block" ? /(?<=\n)(?:\$\$|\\\[|\\begin\{)/ : /\$|\\\(|\\\[|\\begin\{/,
      );
      return place < 0 ? undefined : place;
    },
    tokenizer: (source) => {
      const match = rule.exec(source);
      return match ? { type: name, raw: match[0], text: texOf(match) } : undefined;
    },
    renderer: (token: Tokens.Generic) => {
      const code = `<code class="${kind}">${escapeHtml(String(token["text"]))}</code>`;
      return level === "block" ? `<p>${code}</p>\n` : code;
    },
  };
}

const marked = new Marked({
  gfm: true,
  extensions: [
    mathRule("displayMathBlock", "block", DISPLAY, MATH_DISPLAY),
    mathRule("displayMath", "inline", DISPLAY, MATH_DISPLAY),
    mathRule("inlineMath", "inline", INLINE, MATH_INLINE),
  ],
});

/** Formulas come out as `<code class="math-inline">` or `math-display`, to be drawn after sanitising. */
export function markdownToHtml(markdown: string): string {
  return marked.parse(markdown, { async: false });
}
