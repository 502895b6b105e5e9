/** The page of a worksheet: opens it, and puts its parts together. */

import type { Workspace, Worksheet } from "../../lib/index";
import { environmentTitle, historyAddress, publishAddress, titleOf } from "../addresses";
import type { App } from "../app";
import { DocumentView } from "../document/view";
import type { DocumentKind, FailureWays, Opening } from "../document/view";
import { fill, h } from "../dom";
import type { Child } from "../dom";
import { preloadRich } from "../output/outputview";
import { button, errorText, message } from "../pages/shell";
import { listenToKeys } from "./keys";
import { Notebook } from "./notebook";
import { withoutStop } from "./states";
import { Toolbar } from "./toolbar";

type View = DocumentView<Worksheet>;

export class WorksheetPage extends DocumentView<Worksheet> {
  constructor(app: App, workspace: string, path: string) {
    super(app, workspace, path, new WorksheetKind());
  }
}

class WorksheetKind implements DocumentKind<Worksheet> {
  readonly noun = "worksheet";
  readonly content = "worksheet";
  readonly className = "worksheet";
  /** Its environment. */
  readonly about = h("span", { class: "note", "data-testid": "environment" });
  /** Says what happens to who cannot see it. */
  readonly before = h("div", { class: "hidden-text", "aria-live": "polite" });
  readonly titleOf = titleOf;

  fileName(title: string): string {
    return title.endsWith(".ipynb") ? title : `${title}.ipynb`;
  }

  open(workspace: Workspace, path: string, made: string | null): Promise<Worksheet> {
    return workspace.openWorksheet(path, { create: made !== null, environment: made ?? "" });
  }

  failure({ bar }: View, error: unknown, { again, make, missing }: FailureWays): Child[] {
    const mayMake = missing && bar.path.endsWith(".ipynb");
    return [
      message("error", h("span", {}, errorText(error))),
      h("p", { class: "choices" }, again, mayMake ? make : null),
    ];
  }

  show(view: View, worksheet: Worksheet, { readOnly, again }: Opening): (() => void)[] {
    if (worksheet.cells.length === 0 && !readOnly && !again) worksheet.insertCell();
    const { app, workspace } = view;
    const notebook = new Notebook({
      worksheet,
      workspace: workspace.id,
      readOnly,
      messages: view.messages,
      wholeOutput: (run) => app.site.api.outputAddress(workspace.id, run),
    });
    const toolbar = makeToolbar(view, notebook);
    const add = button("Add a cell", () => append(worksheet, notebook), {
      class: "add-cell quiet",
      icon: "add",
    });
    fill(view.bar.tools, toolbar.element);
    fill(view.content, notebook.element, readOnly ? null : add);
    view.bar.status.follow(worksheet, () => notebook.start());
    this.#showEnvironment(worksheet, app.site.environments[0]);
    notebook.focus(notebook.selected?.source.length === 0 ? "edit" : "focus");
    if ("requestIdleCallback" in window) requestIdleCallback(preloadRich);
    return [
      listenToKeys(notebook),
      () => notebook.close(),
      ...followSession(view, worksheet, toolbar),
      ...this.#announce(worksheet),
    ];
  }

  /** Said where it is not the one that everybody expects. */
  #showEnvironment(worksheet: Worksheet, usual: string | undefined): void {
    const { name } = (worksheet.doc.getMap("metadata").get("kernelspec") ?? {}) as { name?: unknown };
    const isUsual = typeof name !== "string" || name === usual;
    this.about.textContent = isUsual ? "" : environmentTitle(name);
  }

  #announce(worksheet: Worksheet): (() => void)[] {
    return [
      worksheet.on("outputs", ({ cell, run }) => {
        const place = worksheet.cells.findIndex(({ id }) => id === cell) + 1;
        if (run && run.status !== "queued" && run.status !== "running") {
          this.before.textContent = `Cell ${place}: ${run.status === "ok" ? "done" : run.status}`;
        }
      }),
      worksheet.on("saved", () => (this.before.textContent = "The file is written.")),
    ];
  }
}

function makeToolbar({ app, workspace, bar }: View, notebook: Notebook): Toolbar {
  const toolbar = new Toolbar(notebook, () => app.navigate(historyAddress(workspace.id, bar.path)));
  notebook.onSelect = (cell) => toolbar.showCell(cell);
  toolbar.showCell(notebook.selected);
  // What is published is what is saved.
  const publish = (): void => {
    notebook.save();
    app.navigate(publishAddress(workspace.id, bar.path));
  };
  if (workspace.role === "owner") {
    toolbar.element.append(button("Publish", publish, { class: "quiet" }));
  }
  return toolbar;
}

function append(worksheet: Worksheet, notebook: Notebook): void {
  const last = worksheet.cells.at(-1);
  if (last) notebook.select(last.id);
  notebook.insert("below", "edit");
}

function followSession({ messages }: View, worksheet: Worksheet, toolbar: Toolbar): (() => void)[] {
  let ended = worksheet.session.state === "ended";
  toolbar.showBusy(worksheet.session.state === "busy");
  return [
    worksheet.on("session", ({ state, reason, code }) => {
      toolbar.showBusy(state === "busy");
      if (state === "ended" && !ended && code !== "shutdown" && code !== "restart") {
        const kept = "Cells and files are kept; what it had computed is gone.";
        messages.show("warning", `The session ended: ${withoutStop(reason || code)}. ${kept}`);
      } else if (state === "idle" && ended) messages.clear();
      ended = state === "ended";
    }),
  ];
}
