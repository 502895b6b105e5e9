/** Keys: what keys do while a cell is selected but its text is not edited, as people know it from notebooks. */

import { h } from "../dom";
import { showSheet } from "../pages/dialogs";
import type { Notebook } from "./notebook";

/** Between two keys that are one command (d d) there may be so much time. */
const PAIR_MILLISECONDS = 800;

type Commands = { readonly [keys: string]: (notebook: Notebook) => void };

const COMMANDS: Commands = {
  Enter: (notebook) => notebook.focus("edit"),
  "Shift+Enter": (notebook) => notebook.runAndAdvance(),
  "Ctrl+Enter": (notebook) => notebook.run(),
  "Alt+Enter": (notebook) => notebook.runAndInsert(),
  ArrowUp: (notebook) => notebook.step(-1),
  ArrowDown: (notebook) => notebook.step(1),
  k: (notebook) => notebook.step(-1),
  j: (notebook) => notebook.step(1),
  "Alt+ArrowUp": (notebook) => notebook.move(-1),
  "Alt+ArrowDown": (notebook) => notebook.move(1),
  a: (notebook) => notebook.insert("above"),
  b: (notebook) => notebook.insert("below"),
  "d d": (notebook) => notebook.delete(),
  m: (notebook) => notebook.setType("markdown"),
  y: (notebook) => notebook.setType("code"),
  r: (notebook) => notebook.setType("raw"),
  z: (notebook) => notebook.undo(),
  "Shift+Z": (notebook) => notebook.redo(),
  s: (notebook) => notebook.save(),
  "Ctrl+s": (notebook) => notebook.save(),
  "0 0": (notebook) => notebook.restart(),
  "i i": (notebook) => notebook.interrupt(),
  h: () => void showKeys(),
  "Shift+?": () => void showKeys(),
};

/** Hears keys on the notebook, until the function that it returns is called. */
export function listenToKeys(notebook: Notebook): () => void {
  let first = "";
  let at = 0;
  const hear = (event: KeyboardEvent): void => {
    const target = event.target instanceof Element ? event.target : null;
    // In an editor, a field, a link or a button, keys mean what they always do there.
    if (event.defaultPrevented || !target?.matches("[data-cell-id]")) return;
    const key = name(event);
    const pair = `${first} ${key}`;
    const isPair = first !== "" && event.timeStamp - at < PAIR_MILLISECONDS && pair in COMMANDS;
    const command = COMMANDS[isPair ? pair : key];
    first = isPair ? "" : key;
    at = event.timeStamp;
    if (!command) return;
    event.preventDefault();
    command(notebook);
  };
  notebook.element.addEventListener("keydown", hear);
  return () => notebook.element.removeEventListener("keydown", hear);
}

function name(event: KeyboardEvent): string {
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  return `${control}${event.altKey ? "Alt+" : ""}${event.shiftKey ? "Shift+" : ""}${event.key}`;
}

const HELP: readonly (readonly [string, string])[] = [
  ["Shift Enter", "run, go on to the next cell"],
  ["Ctrl Enter", "run, stay"],
  ["Alt Enter", "run, insert a cell below"],
  ["Tab", "complete a name"],
  ["Shift Tab", "explain the name at the cursor"],
  ["Ctrl Z, Ctrl Shift Z", "undo, redo in the text"],
  ["Esc", "leave the text"],
  ["Enter", "edit the text"],
  ["↑ ↓", "previous, next cell"],
  ["A, B", "insert a cell above, below"],
  ["D D", "delete the cell"],
  ["M, Y", "make it Markdown, code"],
  ["Alt ↑, Alt ↓", "move the cell"],
  ["Z, Shift Z", "undo, redo what was done with cells"],
  ["I I", "interrupt"],
  ["0 0", "restart the session"],
  ["S", "save the file"],
];

export async function showKeys(): Promise<void> {
  const rows = HELP.map(([keys, what]) =>
    h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, keys)), h("td", {}, what)),
  );
  await showSheet(
    "Keys",
    h("table", { class: "keys" }, rows),
    h("p", { class: "note" }, "Keys after Esc work while a cell is selected and its text is not edited."),
  );
}
