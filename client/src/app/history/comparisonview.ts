/** How two versions of a file differ, to be read: lines with signs before them, worksheets cell by cell. */

import type { ComparedCell, ComparedLine, Comparison } from "../../lib/index";
import { h } from "../dom";
import type { Child } from "../dom";

const SIGNS = { same: " ", added: "+", deleted: "−", skipped: "⋯" } as const;
const SAID = { same: "", added: "added: ", deleted: "deleted: ", skipped: "" } as const;
const CELLS = {
  same: "the same",
  added: "added",
  deleted: "deleted",
  changed: "changed",
  moved: "moved",
} as const;

/** The comparison, and what else there is to say of it. */
export function comparisonView(comparison: Comparison): HTMLElement {
  const name = `Differences of ${comparison.path}`;
  return h("div", { class: "comparison", role: "group", "aria-label": name }, content(comparison));
}

function content({ kind, change, cells, lines }: Comparison): Child {
  if (change === "same") return note("This file is the same in both versions.");
  if (kind === "binary") return note("This file is no text; only its being different can be shown.");
  if (kind === "large") return note("This file is too large, or takes too long, to be compared here.");
  if (kind === "text") return lines.length > 0 ? lineList(lines) : note("This file is empty.");
  return cellList(cells);
}

function cellList(cells: readonly ComparedCell[]): Child {
  const parts: Child[] = [];
  let same = 0;
  const tellSame = (): void => {
    if (same > 0)
      parts.push(note(same === 1 ? "1 cell that is the same" : `${same} cells that are the same`));
    same = 0;
  };
  for (const cell of cells) {
    if (cell.change === "same") {
      same += 1;
      continue;
    }
    tellSame();
    parts.push(cellView(cell));
  }
  if (parts.length === 0) return note("Every cell is the same; only the worksheet's settings differ.");
  tellSame();
  return parts;
}

function cellView(cell: ComparedCell): HTMLElement {
  const kind = { code: "Code", markdown: "Markdown", raw: "Raw" }[cell.type] ?? cell.type;
  const outputs = cell.outputs_changed ? ", its output too" : "";
  const onlyOutputs =
    cell.outputs_changed && cell.lines.every(({ change }) => change !== "added" && change !== "deleted");
  return h(
    "section",
    { class: `compared-cell ${cell.change}` },
    h("h4", {}, `${kind} cell ${onlyOutputs ? "has another output" : `${CELLS[cell.change]}${outputs}`}`),
    cell.lines.length > 0 && lineList(cell.lines),
  );
}

function lineList(lines: readonly ComparedLine[]): HTMLElement {
  return h(
    "pre",
    { class: "compared-lines", tabindex: 0 },
    lines.map(({ change, text }) =>
      h(
        "span",
        { class: `compared-line ${change}` },
        h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[change]),
        h("span", { class: "said" }, SAID[change]),
        `${text}\n`,
      ),
    ),
  );
}

function note(text: string): HTMLElement {
  return h("p", { class: "note" }, text);
}
