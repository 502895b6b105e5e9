/** Tables of what is watched: on a narrow screen each row is a card. Showing them again keeps focus and what is open. */

import { fill, h } from "../dom";
import type { Child } from "../dom";

export type Tone = "good" | "waiting" | "bad" | "quiet";

/** A heading, and whether what stands below are numbers. */
export interface Column {
  readonly title: string;
  readonly number?: boolean;
  /** The heading is only said, not shown. */
  readonly hidden?: boolean;
}

/** @param caption is said, not shown; there is a heading above. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly HTMLElement[],
): HTMLElement {
  const heads = columns.map((column) =>
    h(
      "th",
      { scope: "col", class: column.number ? "number" : undefined },
      column.hidden ? h("span", { class: "hidden-text" }, column.title) : column.title,
    ),
  );
  return h(
    "table",
    { class: "watched" },
    h("caption", { class: "hidden-text" }, caption),
    h("thead", {}, h("tr", {}, heads)),
    h("tbody", {}, rows),
  );
}

/** @param key names the row in tests and when it is shown again. */
export function row(key: string, columns: readonly Column[], cells: readonly Child[]): HTMLElement {
  return h(
    "tr",
    { "data-row": key },
    cells.map((cell, place) => {
      const column = columns[place];
      if (place === 0) return h("th", { scope: "row" }, cell);
      if (column?.hidden) return h("td", { class: "acts" }, cell);
      return h("td", { "data-label": column?.title, class: column?.number ? "number" : undefined }, cell);
    }),
  );
}

/** A state in words, with a dot of its colour. */
export function state(tone: Tone, text: string): HTMLElement {
  return h("span", { class: `state ${tone}` }, text);
}

/** How much of something is used, as a bar with words. */
export function usage(used: number, of: number, text: string): HTMLElement {
  const part = of > 0 ? Math.min(1, used / of) : 0;
  const bar = h("span", { class: part >= 0.9 ? "bar full" : "bar", "aria-hidden": "true" });
  bar.style.setProperty("--part", `${Math.round(100 * part)}%`);
  return h("span", { class: "usage" }, bar, text);
}

/** Puts this in the place of what is shown; focus and opened details (by `data-key`) stay where they are. */
export function showAgain(place: HTMLElement, ...children: Child[]): void {
  const focused = document.activeElement;
  const key = focused instanceof HTMLElement && place.contains(focused) ? focused.dataset["key"] : undefined;
  const opened = [...place.querySelectorAll<HTMLDetailsElement>("details[open][data-key]")].map(
    (details) => details.dataset["key"],
  );
  fill(place, ...children);
  for (const details of place.querySelectorAll<HTMLDetailsElement>("details[data-key]"))
    if (opened.includes(details.dataset["key"])) details.open = true;
  if (key !== undefined)
    place.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** A text in which what stands between backticks is code. */
export function withCode(text: string): HTMLElement {
  const parts = text.split("`").map((part, place) => (place % 2 ? h("code", {}, part) : part));
  return h("span", {}, parts);
}
