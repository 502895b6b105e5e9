/** Toolbar: what can be done, as buttons. */

import type { CellInfo, CellType } from "../../lib/index";
import { h } from "../dom";
import { button } from "../pages/shell";
import { confirm } from "../pages/dialogs";
import { showKeys } from "./keys";
import type { Notebook } from "./notebook";

export class Toolbar {
  readonly element: HTMLElement;
  readonly #type: HTMLSelectElement;
  readonly #interrupt: HTMLButtonElement;

  /** @param showHistory goes to the versions of the worksheet. */
  constructor(notebook: Notebook, showHistory: () => void) {
    this.#type = h(
      "select",
      { "aria-label": "Type of the cell", "data-testid": "cell-type" },
      h("option", { value: "code" }, "Code"),
      h("option", { value: "markdown" }, "Markdown"),
      h("option", { value: "raw" }, "Raw"),
    );
    this.#type.addEventListener("change", () => notebook.setType(this.#type.value as CellType));
    this.#interrupt = button("Interrupt", () => notebook.interrupt(), {
      icon: "stop",
      title: "Interrupt (i i)",
    });
    const quiet = { iconOnly: true, class: "quiet" } as const;
    this.element = h(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "Worksheet" },
      group(
        button("Run", () => notebook.runAndAdvance(), { icon: "run", title: "Run the cell (Shift-Enter)" }),
        button("Run all", () => notebook.runAll(), { icon: "runAll", title: "Run all cells" }),
        this.#interrupt,
        button("Restart", () => void restart(notebook), {
          icon: "restart",
          title: "Restart the session (0 0)",
        }),
      ),
      group(
        button("Insert cell", () => notebook.insert("below", "edit"), {
          ...quiet,
          icon: "add",
          title: "Insert a cell below (b)",
        }),
        button("Move up", () => notebook.move(-1), { ...quiet, icon: "up", title: "Move the cell up" }),
        button("Move down", () => notebook.move(1), { ...quiet, icon: "down", title: "Move the cell down" }),
        button("Delete cell", () => notebook.delete(), {
          ...quiet,
          icon: "delete",
          title: "Delete the cell (d d)",
        }),
        this.#type,
      ),
      group(
        button("Save", () => notebook.save(), {
          class: "quiet",
          icon: "save",
          title: "Write the file now (Ctrl-S)",
        }),
        button("History", showHistory, { ...quiet, icon: "history", title: "Versions of this worksheet" }),
        button("Keys", () => void showKeys(), { ...quiet, icon: "keyboard", title: "Keys (h)" }),
      ),
    );
    // A click must not take the focus out of the text that is edited.
    this.element.addEventListener("mousedown", (event) => {
      if (event.target instanceof Element && event.target.closest("button")) event.preventDefault();
    });
    if (notebook.readOnly) this.#disable();
  }

  showCell(cell: CellInfo | undefined): void {
    if (cell) this.#type.value = cell.type;
  }

  /** Whether there is something to interrupt. */
  showBusy(busy: boolean): void {
    this.#interrupt.classList.toggle("active", busy);
  }

  #disable(): void {
    for (const control of this.element.querySelectorAll<HTMLButtonElement | HTMLSelectElement>(
      "button, select",
    )) {
      control.disabled = !["Keys", "History"].includes(control.getAttribute("aria-label") ?? "");
    }
  }
}

function group(...controls: HTMLElement[]): HTMLElement {
  return h("div", { class: "group" }, controls);
}

async function restart(notebook: Notebook): Promise<void> {
  const text = "What it has computed so far is forgotten. Cells and files stay.";
  if (notebook.worksheet.session.state === "busy" || notebook.worksheet.session.state === "idle") {
    if (!(await confirm({ title: "Restart the session?", text, yes: "Restart" }))) return;
  }
  notebook.restart();
}
