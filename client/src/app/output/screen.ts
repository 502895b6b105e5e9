/**
 * Screen: text as a terminal shows it, with colours, carriage returns, backspaces and cursor moves (progress bars). Pure.
 *
 * Text is fed in pieces as it comes, and an escape sequence may be cut between two pieces. Invariant: `lines` after any
 * cutting of the same text is the same; `firstChanged` is the first line that differs since `settle()`.
 */

import { applySgr, PLAIN } from "./ansi";
import type { Style } from "./ansi";

/** A piece of one line in one style. */
export interface Piece {
  readonly text: string;
  readonly style: Style;
}

// CSI sequences, OSC strings (ended by BEL or ST), other two-character escapes; then what moves the cursor.
const CONTROL =
  /\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]|[\r\n\b\x07]/g;
/** The start of a sequence whose end has not come yet; a longer one is no sequence. */
const UNFINISHED = /\x1b(?:\[[0-9;:?<=>]*[ -/]*|\][^\x07\x1b]{0,2000}\x1b?|[ -/]*)$/;

export class Screen {
  readonly lines: Piece[][] = [[]];
  /** The first line that changed since `settle()`; the number of lines where none did. */
  firstChanged = 0;
  #row = 0;
  #column = 0;
  #style: Style = PLAIN;
  #rest = "";

  /** What was shown is known. */
  settle(): void {
    this.firstChanged = this.lines.length;
  }

  feed(text: string): void {
    let all = this.#rest + text;
    this.#rest = UNFINISHED.exec(all)?.[0] ?? "";
    if (this.#rest) all = all.slice(0, -this.#rest.length);
    let end = 0;
    for (const match of all.matchAll(CONTROL)) {
      this.#write(all.slice(end, match.index));
      end = match.index + match[0].length;
      this.#control(match);
    }
    this.#write(all.slice(end));
  }

  #control(match: RegExpExecArray): void {
    const [sequence, parameters = "", final] = match;
    if (sequence === "\n") this.#moveTo(this.#row + 1, 0);
    else if (sequence === "\r") this.#column = 0;
    else if (sequence === "\b") this.#column = Math.max(0, this.#column - 1);
    else if (final === "m" && !/[?<=>]/.test(parameters)) this.#style = applySgr(this.#style, parameters);
    else if (final !== undefined) this.#move(final, parameters);
  }

  #move(final: string, parameters: string): void {
    const given = Number.parseInt(parameters, 10);
    const steps = Math.min(Number.isNaN(given) || given === 0 ? 1 : given, 1000);
    if (final === "A" || final === "F") this.#moveTo(this.#row - steps, final === "A" ? this.#column : 0);
    else if (final === "B" || final === "E")
      this.#moveTo(this.#row + steps, final === "B" ? this.#column : 0);
    else if (final === "C") this.#column = Math.min(this.#column + steps, 1000);
    else if (final === "D") this.#column = Math.max(0, this.#column - steps);
    else if (final === "G") this.#column = steps - 1;
    else if (final === "K") this.#eraseInLine(Number.isNaN(given) ? 0 : given);
  }

  #moveTo(row: number, column: number): void {
    this.#row = Math.max(0, row);
    this.#column = column;
    while (this.lines.length <= this.#row) {
      this.#touch(this.lines.length);
      this.lines.push([]);
    }
  }

  #eraseInLine(how: number): void {
    const line = this.lines[this.#row] ?? [];
    this.#touch(this.#row);
    const [before, after] = split(line, this.#column);
    if (how === 0) this.lines[this.#row] = before;
    else if (how === 1) this.lines[this.#row] = [{ text: " ".repeat(this.#column), style: PLAIN }, ...after];
    else this.lines[this.#row] = [];
  }

  #touch(row: number): void {
    this.firstChanged = Math.min(this.firstChanged, row);
  }

  #write(text: string): void {
    if (!text) return;
    this.#touch(this.#row);
    const line = (this.lines[this.#row] ??= []);
    const shown = visible(text);
    const length = width(line);
    const added = [...shown].length;
    if (this.#column >= length) {
      if (this.#column > length) add(line, " ".repeat(this.#column - length), PLAIN);
      add(line, shown, this.#style);
    } else {
      const [before, rest] = split(line, this.#column);
      const [, after] = split(rest, added);
      add(before, shown, this.#style);
      for (const piece of after) add(before, piece.text, piece.style);
      this.lines[this.#row] = before;
    }
    this.#column += added;
  }
}

/** Control characters that would be invisible, as their pictures (U+2400...). */
function visible(text: string): string {
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, (character) => {
    const code = character.charCodeAt(0);
    return code === 0x7f ? "\u2421" : String.fromCharCode(0x2400 + code);
  });
}

function add(line: Piece[], text: string, style: Style): void {
  const last = line.at(-1);
  if (last?.style === style) line[line.length - 1] = { text: last.text + text, style };
  else if (text) line.push({ text, style });
}

/** In characters (code points). */
function width(line: readonly Piece[]): number {
  return line.reduce(
    (sum, { text }) => sum + (/[\ud800-\udfff]/.test(text) ? [...text].length : text.length),
    0,
  );
}

function split(line: readonly Piece[], column: number): [Piece[], Piece[]] {
  const before: Piece[] = [];
  const after: Piece[] = [];
  let left = column;
  for (const { text, style } of line) {
    const characters = [...text];
    if (left > 0) add(before, characters.slice(0, left).join(""), style);
    if (left < characters.length) add(after, characters.slice(Math.max(0, left)).join(""), style);
    left -= characters.length;
  }
  return [before, after];
}
