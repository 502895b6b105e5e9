/** What programs print comes out as a terminal shows it: colours, carriage returns, cursor moves, however it is cut. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { applySgr, paletteColour, PLAIN } from "../src/app/output/ansi";
import { Screen } from "../src/app/output/screen";

function shown(...pieces: string[]): string {
  const screen = new Screen();
  for (const piece of pieces) screen.feed(piece);
  return screen.lines.map((line) => line.map(({ text }) => text).join("")).join("\n");
}

test("plain lines stay as they are", () => {
  assert.equal(shown("a\nb\n"), "a\nb\n");
  assert.equal(shown("astral 𝔸 and 🐍\n"), "astral 𝔸 and 🐍\n");
});

test("a carriage return writes over the line, as progress bars want it", () => {
  assert.equal(shown("10%\r", "50%\r", "100%\n"), "100%\n");
  assert.equal(shown("long line\rshort"), "shortline");
  assert.equal(shown("one\r\ntwo\r\n"), "one\ntwo\n");
  assert.equal(shown("𝔸𝔹ℂ\rx"), "x𝔹ℂ");
});

test("backspace, erasing and cursor moves", () => {
  assert.equal(shown("abc\b\bX"), "aXc");
  assert.equal(shown("abc\r\x1b[Kd"), "d");
  assert.equal(shown("abc\x1b[2K\rx"), "x");
  assert.equal(shown("bar 1\nbar 2\x1b[A\rBAR 1"), "BAR 1\nbar 2");
  assert.equal(shown("a\x1b[3Cb"), "a   b");
});

test("nothing depends on where the text is cut", () => {
  const text =
    "a\x1b[1;31mred\x1b[0m\r\x1b[38;2;1;2;3mB\x1b]8;;http://x\x1b\\link\x1b]8;;\x07\n\x1b[Aup\nend";
  const whole = new Screen();
  whole.feed(text);
  for (let place = 1; place < text.length; place += 1) {
    const cut = new Screen();
    cut.feed(text.slice(0, place));
    cut.feed(text.slice(place));
    assert.deepEqual(cut.lines, whole.lines, `cut at ${place}`);
  }
});

test("only the lines that changed are drawn again", () => {
  const screen = new Screen();
  screen.feed("a\nb\nc");
  screen.settle();
  assert.equal(screen.firstChanged, 3);
  screen.feed("d\ne");
  assert.equal(screen.firstChanged, 2);
});

test("control characters are visible, links and unknown sequences are not", () => {
  assert.equal(shown("a\0b\x7f"), "a\u2400b\u2421");
  assert.equal(shown("\x1b]0;title\x07x\x1b(By\x1b[?25lz"), "xyz");
});

test("colours of 16, 256 and true colour", () => {
  assert.equal(applySgr(PLAIN, "31").foreground, "1");
  assert.equal(applySgr(PLAIN, "1;92").foreground, "10");
  assert.equal(applySgr(PLAIN, "38;5;208").foreground, "#ff8700");
  assert.equal(applySgr(PLAIN, "48;2;1;2;3").background, "#010203");
  assert.equal(applySgr(PLAIN, "38;5;208;1").bold, true);
  assert.equal(applySgr(applySgr(PLAIN, "1;31;7"), ""), PLAIN);
  assert.equal(applySgr(applySgr(PLAIN, "1;31"), "22;39"), PLAIN);
  assert.equal(paletteColour(15), "15");
  assert.equal(paletteColour(255), "#eeeeee");
  assert.equal(paletteColour(256), null);
});
