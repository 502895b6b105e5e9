/** Latex: what is done to LaTeX of Sage before KaTeX gets it. Pure. */

/** Names that Sage's own LaTeX uses, as KaTeX macros. */
export const SAGE_MACROS: { readonly [name: string]: string } = {
  "\\Bold": "\\mathbf{#1}",
  "\\NN": "\\Bold{N}",
  "\\ZZ": "\\Bold{Z}",
  "\\QQ": "\\Bold{Q}",
  "\\RR": "\\Bold{R}",
  "\\CC": "\\Bold{C}",
  "\\QQbar": "\\overline{\\QQ}",
  "\\GF": "\\Bold{F}_{#1}",
  "\\Zp": "\\Bold{Z}_{#1}",
  "\\Qp": "\\Bold{Q}_{#1}",
  "\\Zmod": "\\ZZ/#1\\ZZ",
  "\\CDF": "\\Bold{C}",
  "\\RDF": "\\Bold{R}",
  "\\CIF": "\\Bold{C}",
  "\\RIF": "\\Bold{I} \\Bold{R}",
  "\\CLF": "\\Bold{C}",
  "\\RLF": "\\Bold{R}",
};

export interface Formula {
  readonly tex: string;
  /** On a line of its own. */
  readonly display: boolean;
}

const FENCES = [
  { start: "$$", end: "$$", display: true },
  { start: "\\[", end: "\\]", display: true },
  { start: "\\(", end: "\\)", display: false },
  { start: "$", end: "$", display: false },
] as const;

/** A whole text/latex output, as a formula. */
export function prepareLatex(latex: string): Formula {
  let tex = latex.trim();
  let display = /^\\begin\{/.test(tex);
  for (const fence of FENCES) {
    const long = tex.length >= fence.start.length + fence.end.length;
    if (!long || !tex.startsWith(fence.start) || !tex.endsWith(fence.end)) continue;
    tex = tex.slice(fence.start.length, -fence.end.length).trim();
    display = fence.display;
    break;
  }
  if (/^\\displaystyle\b/.test(tex)) display = true;
  return { tex: prepareTex(tex), display };
}

const NEW_COMMAND = /\\newcommand\s*(?:\{\s*(\\[A-Za-z]+)\s*\}|(\\[A-Za-z]+))/g;

/** Takes out what KaTeX stumbles over though it changes nothing: defining again what is defined, labels. */
export function prepareTex(tex: string): string {
  return tex
    .replace(NEW_COMMAND, (all, braced?: string, bare?: string) => {
      const name = braced ?? bare ?? "";
      return name in SAGE_MACROS ? `\\providecommand{${name}}` : all;
    })
    .replace(/\\label\{[^}]*\}/g, "");
}

/** A piece of text that may hold formulas: plain text and formulas in turn. */
export type MathPiece = string | Formula;

const IN_TEXT =
  /\\\[([^]+?)\\\]|\\\(([^]+?)\\\)|\$\$([^]+?)\$\$|(?<![\\$\w])\$(?![\s$])((?:[^$\\]|\\[^])+?)(?<!\s)\$(?![\d$])/g;

/** Finds the formulas in a text: between `\(` and `\)`, `\[` and `\]`, `$$`, and `$` where it cannot be money. */
export function splitMath(text: string): MathPiece[] {
  const pieces: MathPiece[] = [];
  let end = 0;
  for (const match of text.matchAll(IN_TEXT)) {
    if (match.index > end) pieces.push(text.slice(end, match.index));
    const [all, brackets, parentheses, dollars, dollar] = match;
    const tex = brackets ?? parentheses ?? dollars ?? dollar ?? "";
    pieces.push({ tex: prepareTex(tex), display: brackets !== undefined || dollars !== undefined });
    end = match.index + all.length;
  }
  if (end < text.length || pieces.length === 0) pieces.push(text.slice(end));
  return pieces;
}
