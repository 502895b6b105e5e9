/**
 * Notebook: the cells of a worksheet on the screen, which of them is selected, and what can be done with them.
 *
 * Invariant: the views follow `worksheet.cells`; nothing here changes a view's place but that.
 */

import type { CellInfo, CellType, Worksheet } from "../../lib/index";
import { fileAddress } from "../addresses";
import { h } from "../dom";
import type { Messages } from "../pages/shell";
import { Widgets } from "../widgets/widgets";
import { CellView } from "./cellview";
import type { CellSurroundings } from "./cellview";
import type { EditorActions } from "./editor";

export interface NotebookOptions {
  readonly worksheet: Worksheet;
  readonly workspace: string;
  readonly readOnly: boolean;
  readonly messages: Messages;
  readonly wholeOutput: (run: string) => string;
}

export class Notebook {
  readonly element = h("div", { class: "cells", "data-testid": "cells" });
  readonly worksheet: Worksheet;
  readonly readOnly: boolean;
  /** Another cell is selected, or its type is another. */
  onSelect: (cell: CellInfo | undefined) => void = () => undefined;
  readonly #options: NotebookOptions;
  readonly #views = new Map<string, CellView>();
  readonly #around: CellSurroundings;
  readonly #widgets: Widgets;
  readonly #near: IntersectionObserver;
  readonly #stops: (() => void)[];
  #order: string[] = [];
  #selected = "";

  constructor(options: NotebookOptions) {
    this.#options = options;
    this.worksheet = options.worksheet;
    this.readOnly = options.readOnly;
    this.#widgets = new Widgets(options.worksheet, options.readOnly, options.messages);
    this.#near = new IntersectionObserver((entries) => this.#came(entries), { rootMargin: "600px" });
    this.#around = {
      worksheet: options.worksheet,
      readOnly: options.readOnly,
      actions: (cell) => this.#editorActions(cell),
      run: (cell) => this.run(cell),
      wholeOutput: options.wholeOutput,
      widgets: this.#widgets,
      fileAddress: (path) => fileAddress(options.workspace, relativeTo(options.worksheet.path, path)),
      watch: (view) => this.#near.observe(view.element),
    };
    this.element.addEventListener("focusin", (event) => this.#focused(event.target));
    const left = (): void => this.worksheet.awareness.setLocalStateField("cursor", null);
    this.element.addEventListener("focusout", left);
    this.#stops = [
      this.worksheet.on("cells", () => this.#follow()),
      this.worksheet.on("outputs", ({ cell, run }) => {
        this.#views.get(cell)?.showRun(run);
        this.#views.get(cell)?.showInput();
      }),
      this.worksheet.on("input", () => this.#showInputs()),
    ];
    this.#stops.push(() => this.element.removeEventListener("focusout", left));
    const edited = (): void => {
      for (const view of this.#views.values()) view.refresh();
    };
    const cells = this.worksheet.doc.getMap("cells");
    cells.observeDeep(edited);
    this.#stops.push(() => cells.unobserveDeep(edited));
    this.#follow();
    this.#showInputs();
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#near.disconnect();
    for (const view of this.#views.values()) view.close();
    this.#widgets.close();
  }

  get selected(): CellInfo | undefined {
    return this.#views.get(this.#selected)?.cell;
  }

  view(cell: string): CellView | undefined {
    return this.#views.get(cell);
  }

  // --- following the document

  #follow(): void {
    const cells = this.worksheet.cells;
    const before = this.#order;
    const lost = this.#views.get(this.#selected)?.element.contains(document.activeElement) ?? false;
    this.#order = cells.map(({ id }) => id);
    for (const [id, view] of this.#views) {
      const now = cells.find((cell) => cell.id === id);
      if (now?.type === view.cell.type && now.source === view.cell.source) continue;
      view.close();
      this.#views.delete(id);
    }
    cells.forEach((cell, place) => this.#put(cell, place));
    if (!this.#views.has(this.#selected)) this.select(this.#neighbour(before));
    else this.onSelect(this.selected);
    // Who was in a cell that was made anew (another type) or deleted goes on from there by the keyboard.
    if (lost && !this.element.contains(document.activeElement)) this.#views.get(this.#selected)?.focus();
  }

  #put(cell: CellInfo, place: number): void {
    let view = this.#views.get(cell.id);
    if (!view) {
      view = new CellView(cell, this.#around);
      this.#views.set(cell.id, view);
      if (cell.id === this.#selected) view.element.classList.add("selected");
    }
    view.place = place;
    const there = this.element.children[place] ?? null;
    if (there !== view.element) this.element.insertBefore(view.element, there);
  }

  /** The cell that now stands where the selected one was. */
  #neighbour(before: readonly string[]): string {
    const place = Math.max(0, before.indexOf(this.#selected));
    return this.#order[Math.min(place, this.#order.length - 1)] ?? "";
  }

  #came(entries: readonly IntersectionObserverEntry[]): void {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      this.#near.unobserve(target);
      const id = (target as HTMLElement).dataset["cellId"] ?? "";
      this.#views.get(id)?.makeEditor();
    }
  }

  #showInputs(): void {
    for (const view of this.#views.values()) view.showInput();
  }

  // --- selection

  #focused(target: EventTarget | null): void {
    const element = target instanceof Element ? target.closest<HTMLElement>("[data-cell-id]") : null;
    if (element) this.select(element.dataset["cellId"] ?? "");
  }

  select(cell: string): void {
    if (cell !== this.#selected) {
      this.#mark(false);
      this.#selected = cell;
      this.#mark(true);
    }
    this.onSelect(this.selected);
  }

  #mark(selected: boolean): void {
    const element = this.#views.get(this.#selected)?.element;
    element?.classList.toggle("selected", selected);
    if (element) element.tabIndex = selected ? 0 : -1;
  }

  /** Selects the next (1) or previous (-1) cell; false where there is none. */
  step(by: 1 | -1, how: "focus" | "edit" = "focus"): boolean {
    const next = this.#order[this.#order.indexOf(this.#selected) + by];
    const view = next === undefined ? undefined : this.#views.get(next);
    if (!view) return false;
    this.select(view.cell.id);
    if (how === "edit" && !view.element.classList.contains("rendered")) view.edit(by === 1 ? "start" : "end");
    else view.focus();
    return true;
  }

  /** The keyboard goes to the selected cell: to the cell itself, or into its text. */
  focus(how: "focus" | "edit" = "focus"): void {
    const view = this.#views.get(this.#selected);
    if (how === "edit") view?.edit();
    else view?.focus();
  }

  // --- what can be done

  #editorActions(cell: string): EditorActions {
    return {
      runAndAdvance: () => this.runAndAdvance(),
      run: () => this.run(cell),
      runAndInsert: () => this.runAndInsert(),
      leave: () => this.#views.get(cell)?.focus(),
      goUp: () => this.step(-1, "edit"),
      goDown: () => this.step(1, "edit"),
      save: () => this.save(),
    };
  }

  #attempt(action: () => Promise<unknown>): void {
    void this.#options.messages.attempt(action);
  }

  run(cell = this.#selected): void {
    const view = this.#views.get(cell);
    if (view?.cell.type === "markdown") {
      void view.render();
      view.focus();
    } else if (view?.cell.type === "code" && !this.readOnly) this.#attempt(() => this.worksheet.run([cell]));
  }

  runAndAdvance(): void {
    const place = this.#order.indexOf(this.#selected);
    const editing = this.#views.get(this.#selected)?.editing ?? false;
    this.run();
    if (place < this.#order.length - 1) this.step(1, editing ? "edit" : "focus");
    else this.insert("below", "edit");
  }

  runAndInsert(): void {
    this.run();
    this.insert("below", "edit");
  }

  runAll(): void {
    for (const view of this.#views.values()) void view.render();
    this.#attempt(() => this.worksheet.runAll());
  }

  insert(where: "above" | "below", then: "focus" | "edit" = "focus", type: CellType = "code"): void {
    if (this.readOnly) return;
    const place = this.#order.indexOf(this.#selected) + (where === "below" ? 1 : 0);
    this.worksheet.undo.stopCapturing();
    const id = this.worksheet.insertCell(type, "", Math.max(0, place));
    this.select(id);
    this.focus(then);
  }

  delete(): void {
    if (this.readOnly || !this.#selected) return;
    const had = this.element.contains(document.activeElement);
    this.worksheet.undo.stopCapturing();
    this.worksheet.deleteCell(this.#selected);
    if (this.worksheet.cells.length === 0) this.select(this.worksheet.insertCell());
    if (had) this.focus();
  }

  move(by: 1 | -1): void {
    const place = this.#order.indexOf(this.#selected) + by;
    if (this.readOnly || place < 0 || place >= this.#order.length) return;
    this.worksheet.undo.stopCapturing();
    const { editing } = this.#views.get(this.#selected) ?? {};
    this.worksheet.moveCell(this.#selected, place);
    this.focus(editing ? "edit" : "focus");
  }

  setType(type: CellType): void {
    if (!this.readOnly && this.selected && this.selected.type !== type) {
      this.worksheet.undo.stopCapturing();
      this.worksheet.setCellType(this.#selected, type);
    }
  }

  undo(): void {
    if (!this.readOnly) this.worksheet.undo.undo();
  }

  redo(): void {
    if (!this.readOnly) this.worksheet.undo.redo();
  }

  interrupt(): void {
    this.#attempt(() => this.worksheet.interrupt());
  }

  restart(): void {
    this.#attempt(() => this.worksheet.restart());
  }

  start(): void {
    this.#attempt(() => this.worksheet.start());
  }

  save(): void {
    this.#attempt(() => this.worksheet.save());
  }

  clearOutputs(): void {
    this.#attempt(() => this.worksheet.clearOutputs());
  }
}

/** A path that a worksheet names, as seen from the top of its workspace. */
function relativeTo(worksheet: string, path: string): string {
  const folder = worksheet.split("/").slice(0, -1);
  for (const part of path.split("/")) {
    if (part === "..") folder.pop();
    else if (part !== "." && part !== "") folder.push(part);
  }
  return folder.join("/");
}
