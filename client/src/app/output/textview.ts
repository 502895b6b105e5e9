/** TextView: growing text with colours and progress bars, drawn line by line in a box that scrolls and can be opened. */

import { h } from "../dom";
import type { Style } from "./ansi";
import { Screen } from "./screen";
import type { Piece } from "./screen";

export class TextView {
  readonly element: HTMLElement;
  readonly #box: HTMLPreElement;
  readonly #more: HTMLButtonElement;
  #screen = new Screen();
  #text = "";
  #lines: HTMLElement[] = [];

  readonly #follows: boolean;

  /** @param kind stdout, stderr, error, or plain: gives the looks; what grows is followed to its end. */
  constructor(kind: string) {
    this.#follows = !kind.startsWith("plain");
    this.#box = h("pre", { class: `output-text ${kind}` });
    this.#more = h("button", {
      type: "button",
      class: "expand quiet",
      hidden: true,
      onclick: () => this.#toggle(),
    });
    this.element = h("div", { class: "output-block" }, this.#box, this.#more);
  }

  /** Shows this text; what was shown before is only added to where it is its beginning. */
  show(text: string): void {
    const following = this.#follows && this.#isAtEnd();
    if (!text.startsWith(this.#text)) {
      this.#screen = new Screen();
      this.#text = "";
    }
    this.#screen.feed(text.slice(this.#text.length));
    this.#text = text;
    this.#draw();
    this.#screen.settle();
    requestAnimationFrame(() => this.#measure(following));
  }

  #draw(): void {
    const { lines, firstChanged } = this.#screen;
    const last = lines.length - 1;
    // The empty line after the last line feed is not shown.
    const shown = lines[last]?.length === 0 ? last : last + 1;
    while (this.#lines.length > Math.min(firstChanged, shown)) this.#lines.pop()?.remove();
    // Not as arguments of one call: there may be more lines than the call stack holds.
    const added = document.createDocumentFragment();
    for (let row = this.#lines.length; row < shown; row += 1) {
      const line = h("span", { class: "line" }, (lines[row] ?? []).map(drawPiece), "\n");
      added.append(line);
      this.#lines.push(line);
    }
    this.#box.append(added);
  }

  #isAtEnd(): boolean {
    const box = this.#box;
    return box.scrollHeight - box.scrollTop - box.clientHeight < 4;
  }

  #measure(following: boolean): void {
    const box = this.#box;
    const open = box.classList.contains("open");
    const long = open || box.scrollHeight > box.clientHeight + 2;
    this.#more.hidden = !long;
    const lines = this.#lines.length > 1 ? ` ${this.#lines.length.toLocaleString("en")} lines` : "";
    this.#more.textContent = open ? "Show less" : `Show all${lines}`;
    this.#more.setAttribute("aria-expanded", String(open));
    if (long && !open) box.tabIndex = 0;
    if (following) box.scrollTop = box.scrollHeight;
  }

  #toggle(): void {
    this.#box.classList.toggle("open");
    this.#measure(false);
  }
}

function drawPiece({ text, style }: Piece): Node {
  const classes = classesOf(style);
  const colours = coloursOf(style);
  if (!classes && !colours.foreground && !colours.background) return document.createTextNode(text);
  const span = h("span", { class: classes || undefined }, text);
  if (colours.foreground.startsWith("#")) {
    // An exact colour is chosen for one background: the style sheet brings it nearer to the text on a dark one.
    span.classList.add("ansi-exact");
    span.style.setProperty("--ink", colours.foreground);
  } else if (colours.foreground) span.style.color = colours.foreground;
  if (colours.background) span.style.backgroundColor = colours.background;
  return span;
}

function classesOf(style: Style): string {
  const names: string[] = [];
  if (style.bold) names.push("ansi-bold");
  if (style.dim) names.push("ansi-dim");
  if (style.italic) names.push("ansi-italic");
  if (style.underline) names.push("ansi-underline");
  if (style.strike) names.push("ansi-strike");
  if (style.inverse && !style.foreground && !style.background) names.push("ansi-inverse");
  return names.join(" ");
}

function coloursOf(style: Style): { foreground: string; background: string } {
  const foreground = css(style.foreground);
  const plainBackground = css(style.background);
  if (style.inverse && (foreground || plainBackground)) {
    return { foreground: plainBackground || "var(--page)", background: foreground || "var(--text)" };
  }
  // The palette is made for text: text on it is read only where it is faint.
  const faint = plainBackground.startsWith("var(");
  return {
    foreground,
    background: faint ? `color-mix(in srgb, ${plainBackground} 28%, transparent)` : plainBackground,
  };
}

function css(colour: string): string {
  return colour === "" || colour.startsWith("#") ? colour : `var(--ansi-${colour})`;
}
