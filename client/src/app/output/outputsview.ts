/** OutputsView: all outputs of a cell's last run, drawn at most once a frame of the screen. */

import type { CellRun, Cut } from "../../lib/index";
import { h, setText } from "../dom";
import { OutputList } from "./outputlist";
import type { WidgetViews } from "./outputview";
import { bytesText } from "./sizes";

export class OutputsView {
  readonly element = h("div", { class: "cell-output" });
  readonly #wholeAddress: (run: string) => string;
  readonly #list: OutputList;
  #run: CellRun | undefined;
  #drawnRun = "";
  #cut: HTMLElement | null = null;
  #scheduled = 0;

  /** @param wholeAddress where the whole text of a run is. */
  constructor(wholeAddress: (run: string) => string, widgets: WidgetViews) {
    this.#wholeAddress = wholeAddress;
    this.#list = new OutputList(this.element, widgets);
  }

  /** Nothing is shown any more. */
  close(): void {
    cancelAnimationFrame(this.#scheduled);
    this.#list.draw([]);
  }

  show(run: CellRun | undefined): void {
    this.#run = run;
    this.#scheduled ||= requestAnimationFrame(() => {
      this.#scheduled = 0;
      this.#draw();
    });
  }

  #draw(): void {
    const run = this.#run;
    const outputs = run?.outputs ?? [];
    // While a new run has said nothing yet, its height is kept, so that the page does not jump.
    const before = this.element.offsetHeight;
    if (run?.run !== this.#drawnRun) this.#list.draw([]);
    this.#drawnRun = run?.run ?? "";
    this.#list.draw(outputs);
    this.#drawCut(run);
    const waiting = outputs.length === 0 && (run?.status === "queued" || run?.status === "running");
    this.element.style.minHeight = waiting && before > 0 ? `${before}px` : "";
    this.element.toggleAttribute("data-empty", outputs.length === 0 && !this.#cut && !waiting);
  }

  #drawCut(run: CellRun | undefined): void {
    if (!run?.cut) {
      this.#cut?.remove();
      this.#cut = null;
      return;
    }
    this.#cut ??= h(
      "p",
      { class: "output-cut", "data-testid": "output-cut" },
      h("span"),
      h("a", { target: "_blank" }),
    );
    const [said, link] = this.#cut.children as unknown as [HTMLElement, HTMLAnchorElement];
    const { before } = run.cut;
    setText(said, sizeOfCut(run.cut));
    setText(link, "whole output");
    link.href = this.#wholeAddress(run.run);
    link.hidden = run.cut.keptBytes === 0;
    const place = before >= 0 ? (this.#list.at(before) ?? null) : null;
    if (place ? this.#cut.nextSibling !== place : this.element.lastChild !== this.#cut) {
      this.element.insertBefore(this.#cut, place);
    }
  }
}

/** "… 12.3 MB more (of 14 MB, 90,000 lines): "; plots and the like that were too many are in the file only. */
function sizeOfCut({ keptBytes, keptLines, hiddenBytes }: Cut): string {
  if (keptBytes === 0) return "… there is more than can be shown here; the saved worksheet has it.";
  if (hiddenBytes === 0) return "… there is more: ";
  const lines = keptLines > 1 ? `, ${keptLines.toLocaleString("en")} lines` : "";
  return `… ${bytesText(hiddenBytes)} more (of ${bytesText(keptBytes)}${lines}): `;
}
