/**
 * CellView: one cell on the screen: its number and state, its text or rendered Markdown, its outputs.
 *
 * The editor is made when the cell comes near the screen, as a worksheet may have hundreds of cells.
 */

import type { CellInfo, CellRun, Worksheet } from "../../lib/index";
import { h, setAttribute, setText } from "../dom";
import { OutputsView } from "../output/outputsview";
import type { WidgetViews } from "../output/outputview";
import { durationText, wholeDurationText } from "../output/sizes";
import { makeEditor } from "./editor";
import type { Editor, EditorActions } from "./editor";
import { InputPrompt } from "./inputprompt";

/** What a cell needs of the worksheet around it. */
export interface CellSurroundings {
  readonly worksheet: Worksheet;
  readonly readOnly: boolean;
  readonly actions: (cell: string) => EditorActions;
  readonly run: (cell: string) => void;
  readonly wholeOutput: (run: string) => string;
  readonly widgets: WidgetViews;
  readonly fileAddress: (path: string) => string;
  /** Makes the cell's editor when it comes near the screen. */
  readonly watch: (view: CellView) => void;
}

const NAMES = { code: "code", markdown: "Markdown", raw: "raw" } as const;

export class CellView {
  readonly element: HTMLElement;
  readonly cell: CellInfo;
  readonly #around: CellSurroundings;
  readonly #prompt = h("div", { class: "cell-prompt", "aria-hidden": "true" });
  readonly #time = h("div", { class: "cell-time" });
  readonly #source = h("div", { class: "cell-source" });
  readonly #rendered = h("div", { class: "cell-rendered", hidden: true, "data-testid": "rendered-markdown" });
  readonly #outputs: OutputsView;
  readonly #input: InputPrompt;
  #renderedText = "";
  #editor: Editor | null = null;
  #run: CellRun | undefined;
  #ticker = 0;
  #place = 0;

  constructor(cell: CellInfo, around: CellSurroundings) {
    this.cell = cell;
    this.#around = around;
    this.#outputs = new OutputsView(around.wholeOutput, around.widgets);
    this.#input = new InputPrompt(around.worksheet);
    this.element = h(
      "section",
      {
        class: `cell ${cell.type}`,
        "data-cell-id": cell.id,
        "data-cell-type": cell.type,
        tabindex: -1,
        role: "group",
      },
      h("div", { class: "cell-gutter" }, this.#prompt, this.#time),
      h(
        "div",
        { class: "cell-body" },
        this.#source,
        this.#rendered,
        this.#outputs.element,
        this.#input.element,
      ),
    );
    this.#source.append(h("pre", { class: "cell-placeholder" }, cell.source.toString() || " "));
    this.#rendered.addEventListener("dblclick", () => this.edit());
    this.#source.addEventListener("focusin", () => this.element.classList.add("editing"));
    this.#source.addEventListener("focusout", () => this.element.classList.remove("editing"));
    this.#source.addEventListener("mousedown", () => this.makeEditor());
    this.showRun(around.worksheet.outputs(cell.id));
    if (cell.type === "markdown" && cell.source.length > 0) void this.render();
    around.watch(this);
  }

  /** The cursor is in its text. */
  get editing(): boolean {
    return this.#editor?.view.hasFocus ?? false;
  }

  /** @param place 0 = the first. */
  set place(place: number) {
    this.#place = place;
    this.#label();
  }

  // --- text

  makeEditor(): Editor {
    if (this.#editor) return this.#editor;
    const { worksheet, readOnly, actions } = this.#around;
    const { id, source, type } = this.cell;
    const label = `${NAMES[type]} of cell ${this.#place + 1}`;
    this.#editor = makeEditor({ worksheet, source, type, label, readOnly, actions: actions(id) });
    this.#source.replaceChildren(this.#editor.view.dom);
    return this.#editor;
  }

  /** Puts the cursor into the text. */
  edit(where: "start" | "end" | "same" = "same"): void {
    this.#showSource();
    const { view } = this.makeEditor();
    if (where !== "same")
      view.dispatch({ selection: { anchor: where === "start" ? 0 : view.state.doc.length } });
    view.focus();
  }

  /** Puts the focus on the cell, out of its text: keys are commands. */
  focus(): void {
    this.element.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** Shows a Markdown cell as text that is set. */
  async render(): Promise<void> {
    if (this.cell.type !== "markdown") return;
    const { renderMarkdown } = await import("../output/rich");
    const text = this.cell.source.toString();
    this.#renderedText = text;
    this.#rendered.replaceChildren(
      text.trim()
        ? renderMarkdown(text, this.#around.fileAddress)
        : h("p", { class: "note" }, "Empty text: Enter to write."),
    );
    this.#rendered.hidden = false;
    this.#source.hidden = true;
    this.element.classList.add("rendered");
  }

  /** Somebody may have changed the text of a Markdown cell that is shown as set text. */
  refresh(): void {
    if (!this.#rendered.hidden && this.cell.source.toString() !== this.#renderedText) void this.render();
  }

  #showSource(): void {
    this.#rendered.hidden = true;
    this.#source.hidden = false;
    this.element.classList.remove("rendered");
  }

  // --- runs

  showRun(run: CellRun | undefined): void {
    this.#run = run;
    this.#outputs.show(run);
    setAttribute(this.element, "data-status", run?.status ?? "none");
    this.#showState();
    this.#label();
  }

  /** The program of this cell waits for a line, or not. */
  showInput(): void {
    const input = this.#around.worksheet.input;
    this.#input.show(input && input.run === this.#run?.run ? input : null);
  }

  #showState(): void {
    window.clearTimeout(this.#ticker);
    const run = this.#run;
    if (this.cell.type !== "code") return;
    const waiting = run?.status === "queued" || run?.status === "running";
    setText(this.#prompt, `[${waiting ? "*" : run?.executionCount || " "}]`);
    setText(this.#time, run ? stateText(run, Date.now()) : "");
    if (run?.status === "running") this.#ticker = window.setTimeout(() => this.#showState(), 1000);
  }

  #label(): void {
    const number = this.#run?.executionCount ? `, run ${this.#run.executionCount}` : "";
    const status = this.#run && this.cell.type === "code" ? `, ${this.#run.status}` : "";
    setAttribute(
      this.element,
      "aria-label",
      `Cell ${this.#place + 1}, ${NAMES[this.cell.type]}${number}${status}`,
    );
  }

  close(): void {
    window.clearTimeout(this.#ticker);
    this.#editor?.close();
    this.#outputs.close();
    this.element.remove();
  }
}

/** What is said below the number of a cell: how far the run is, or how long it took and how it ended. */
function stateText(run: CellRun, now: number): string {
  const took = run.started && run.ended ? run.ended - run.started : 0;
  switch (run.status) {
    case "queued":
      return "queued";
    case "running":
      return now - run.started < 1000 ? "running" : wholeDurationText(now - run.started);
    case "ok":
      return took >= 500 ? durationText(took) : "";
    case "interrupted":
      return run.started ? "stopped" : "not run";
    case "died":
      return "died";
    case "error":
      return "error";
  }
}
