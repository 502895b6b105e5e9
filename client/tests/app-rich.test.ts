/** Which form of an output is shown, and what is done to LaTeX and Markdown before they are drawn. */

import assert from "node:assert/strict";
import { test } from "node:test";

import katex from "katex";

import { prepareLatex, prepareTex, SAGE_MACROS, splitMath } from "../src/app/output/latex";
import { markdownToHtml } from "../src/app/output/markdown";
import { chooseMime, isActive, textOf, withoutMathScripts } from "../src/app/output/mime";

test("the best form that can be shown is chosen", () => {
  assert.equal(chooseMime({ "text/plain": "x", "image/png": "AA==" }), "image/png");
  assert.equal(chooseMime({ "text/plain": "x", "text/latex": "$x$" }), "text/latex");
  assert.equal(chooseMime({ "text/plain": "x", "text/html": "" }), "text/plain");
  assert.equal(chooseMime({ "application/unknown": "x" }), undefined);
  assert.equal(textOf({ "text/plain": ["a\n", "b"] }, "text/plain"), "a\nb");
});

test("HTML that acts is told from HTML that does not", () => {
  for (const html of [
    "<script>1</script>",
    "<p onclick=x>",
    "<IFRAME srcdoc=''></IFRAME>",
    "<style>p{}</style>",
  ]) {
    assert.equal(isActive(html), true, html);
  }
  for (const html of [
    "<b>x</b>",
    "a < b on c",
    "<style scoped>p{}</style>",
    '<script type="math/tex">x</script>',
  ]) {
    assert.equal(isActive(html), false, html);
  }
});

test("formulas of old Sage become formulas of new Sage", () => {
  assert.equal(withoutMathScripts('<script type="math/tex; mode=display">a<b</script>'), "\\[a&lt;b\\]");
});

test("fences of LaTeX are taken off", () => {
  assert.deepEqual(prepareLatex("$\\displaystyle x$"), { tex: "\\displaystyle x", display: true });
  assert.deepEqual(prepareLatex("$$x$$"), { tex: "x", display: true });
  assert.deepEqual(prepareLatex("\\(x\\)"), { tex: "x", display: false });
});

test("what Sage writes can be drawn", () => {
  const formulas = [
    "\\newcommand{\\Bold}[1]{\\mathbf{#1}}\\Bold{Z}[x]",
    "\\left(\\begin{array}{rr} \\frac{1}{2} & 2 \\\\ 3 & 4 \\end{array}\\right)",
    "\\GF{7} \\QQbar \\ZZ \\Zmod{6}",
    "\\renewcommand{\\Bold}[1]{\\mathbb{#1}}\\Bold{Q}",
  ];
  for (const tex of formulas) {
    const html = katex.renderToString(prepareTex(tex), { macros: { ...SAGE_MACROS }, strict: "ignore" });
    assert.match(html, /katex/);
  }
});

test("formulas are found in text, money is not", () => {
  assert.deepEqual(splitMath("a $x^2$ b"), ["a ", { tex: "x^2", display: false }, " b"]);
  assert.deepEqual(splitMath("\\[y\\]"), [{ tex: "y", display: true }]);
  assert.deepEqual(splitMath("from $5 to $10"), ["from $5 to $10"]);
});

test("Markdown leaves formulas as they are written", () => {
  assert.match(markdownToHtml("a $x_1 * y_2 * z$ b"), /<code class="math-inline">x_1 \* y_2 \* z<\/code>/);
  assert.match(markdownToHtml("$$\na_1 < b_1\n$$"), /<code class="math-display">\na_1 &lt; b_1\n<\/code>/);
  assert.match(markdownToHtml("\\begin{align}a\\\\b\\end{align}"), /math-display/);
  assert.match(markdownToHtml("`$x$` costs $5"), /<code>\$x\$<\/code> costs \$5/);
});
