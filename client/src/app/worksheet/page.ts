/** The page of a worksheet: opens it, and puts its parts together. */

import { SagewsError } from "../../lib/index";
import type { Workspace, Worksheet } from "../../lib/index";
import { environmentTitle, titleOf, workspaceAddress, worksheetAddress } from "../addresses";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import { preloadRich } from "../output/outputview";
import { askText } from "../pages/dialogs";
import { button, errorText, message, Messages } from "../pages/shell";
import { listenToKeys } from "./keys";
import { Notebook } from "./notebook";
import { cursorLooks, PeopleView } from "./people";
import { withoutStop } from "./states";
import { StatusBar } from "./statusbar";
import { Toolbar } from "./toolbar";

export class WorksheetPage implements Page {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #workspace: Workspace;
  readonly #messages = new Messages();
  readonly #status: StatusBar;
  readonly #people = new PeopleView();
  readonly #tools = h("div", { class: "tools" });
  readonly #content = h("main", { id: "main", class: "worksheet", tabindex: -1 });
  readonly #announce = h("div", { class: "hidden-text", "aria-live": "polite" });
  readonly #home = h("a", {}, "Workspace");
  readonly #environment = h("span", { class: "note", "data-testid": "environment" });
  readonly #name: HTMLButtonElement;
  readonly #stops: (() => void)[] = [];
  /** Of the worksheet that is shown. */
  readonly #worksheetStops: (() => void)[] = [];
  #path: string;
  #worksheet: Worksheet | null = null;
  #closed = false;
  /** Why the server will not take what was edited. */
  #refusal: SagewsError | null = null;

  constructor(app: App, workspace: string, path: string) {
    this.#app = app;
    this.#path = path;
    this.#workspace = app.site.workspace(workspace);
    this.#status = new StatusBar(app.site, this.#workspace);
    this.#name = button(titleOf(path), () => void this.#rename(), {
      class: "worksheet-name",
      title: "Rename",
    });
    this.#name.dataset["testid"] = "worksheet-name";
    this.#home.href = workspaceAddress(workspace);
    this.element = h(
      "div",
      { class: "page" },
      h(
        "header",
        { class: "worksheet-bar" },
        h(
          "div",
          { class: "place" },
          this.#home,
          h("span", { class: "separator" }, "/"),
          h("h1", {}, this.#name),
          this.#environment,
        ),
        this.#people.element,
        this.#status.element,
        this.#tools,
      ),
      this.#messages.element,
      this.#announce,
      this.#content,
    );
    this.#showPath();
    const environment = new URLSearchParams(location.search).get("new");
    this.#stops.push(
      this.#workspace.on("people", () => this.#showPeople()),
      app.site.on("state", (state) => {
        if (state.name === "refused" && state.reason?.code === "not_signed_in") app.goToSignIn();
      }),
      app.site.on("problem", (problem) => this.#messages.error(problem)),
    );
    void this.#open(environment);
    void this.#showWorkspace();
  }

  close(): void {
    this.#closed = true;
    for (const stop of [...this.#worksheetStops, ...this.#stops]) stop();
    this.#status.close();
    this.#worksheet?.close();
    this.#app.hasUnsaved = () => false;
  }

  // --- opening

  /** Said where it is not the one that everybody expects. */
  #showEnvironment(worksheet: Worksheet): void {
    const { name } = (worksheet.doc.getMap("metadata").get("kernelspec") ?? {}) as { name?: unknown };
    const isUsual = typeof name !== "string" || name === this.#app.site.environments[0];
    this.#environment.textContent = isUsual ? "" : environmentTitle(name);
  }

  /**
   * @param environment of a worksheet that is new; "" = the site's first; null = it is not new.
   * @param again edits of this page were refused: it makes none by itself.
   */
  async #open(environment: string | null, again = false): Promise<void> {
    const isNew = environment !== null;
    const slow = window.setTimeout(() => fill(this.#content, h("p", { class: "note" }, "Opening …")), 300);
    try {
      const worksheet = await this.#workspace.openWorksheet(this.#path, {
        create: isNew,
        environment: environment ?? "",
      });
      window.clearTimeout(slow);
      if (this.#closed) worksheet.close();
      else this.#show(worksheet, isNew, again);
    } catch (error) {
      window.clearTimeout(slow);
      if (!this.#closed) this.#showFailure(error);
    }
  }

  #showFailure(error: unknown): void {
    if (error instanceof SagewsError && error.code === "not_signed_in") return this.#app.goToSignIn();
    const create = button("Make it", () => void this.#open(""), { class: "primary" });
    const missing = error instanceof SagewsError && error.code === "not_found";
    const again = button("Try again", () => void this.#open(null));
    fill(
      this.#content,
      message("error", h("span", {}, errorText(error))),
      h("p", { class: "choices" }, again, missing && this.#path.endsWith(".ipynb") ? create : null),
    );
  }

  #show(worksheet: Worksheet, isNew: boolean, again: boolean): void {
    this.#worksheet = worksheet;
    this.#app.hasUnsaved = () => this.#workspace.unacknowledged > 0;
    if (isNew) history.replaceState(null, "", location.pathname);
    const readOnly = this.#workspace.role === "reader";
    if (worksheet.cells.length === 0 && !readOnly && !again) worksheet.insertCell();
    const notebook = new Notebook({
      worksheet,
      workspace: this.#workspace.id,
      readOnly,
      messages: this.#messages,
      wholeOutput: (run) => this.#app.site.api.outputAddress(this.#workspace.id, run),
    });
    const toolbar = new Toolbar(notebook);
    notebook.onSelect = (cell) => toolbar.showCell(cell);
    toolbar.showCell(notebook.selected);
    const add = button("Add a cell", () => this.#append(notebook), { class: "add-cell quiet", icon: "add" });
    fill(this.#tools, toolbar.element);
    fill(this.#content, notebook.element, readOnly ? null : add);
    if (readOnly && !again) this.#messages.show("info", "You may read this worksheet, but not change it.");
    this.#follow(worksheet, notebook, toolbar);
    notebook.focus(notebook.selected?.source.length === 0 ? "edit" : "focus");
    this.#showPeople();
    this.#showEnvironment(worksheet);
    if ("requestIdleCallback" in window) requestIdleCallback(preloadRich);
  }

  #append(notebook: Notebook): void {
    const last = this.#worksheet?.cells.at(-1);
    if (last) notebook.select(last.id);
    notebook.insert("below", "edit");
  }

  #follow(worksheet: Worksheet, notebook: Notebook, toolbar: Toolbar): void {
    this.#status.follow(worksheet, () => notebook.start());
    let ended = worksheet.session.state === "ended";
    this.#worksheetStops.push(
      listenToKeys(notebook),
      () => notebook.close(),
      worksheet.on("session", ({ state, reason, code }) => {
        toolbar.showBusy(state === "busy");
        if (state === "ended" && !ended && code !== "shutdown" && code !== "restart") {
          const kept = "Cells and files are kept; what it had computed is gone.";
          this.#messages.show("warning", `The session ended: ${withoutStop(reason || code)}. ${kept}`);
        } else if (state === "idle" && ended) this.#messages.clear();
        ended = state === "ended";
      }),
      worksheet.on("outputs", ({ cell, run }) => {
        const place = worksheet.cells.findIndex(({ id }) => id === cell) + 1;
        if (run && run.status !== "queued" && run.status !== "running") {
          this.#announce.textContent = `Cell ${place}: ${run.status === "ok" ? "done" : run.status}`;
        }
      }),
      worksheet.on("notice", ({ level, text }) => this.#messages.show(level, text)),
      worksheet.on("refused", (error) => (this.#refusal = error)),
      worksheet.on("saved", () => (this.#announce.textContent = "The file is written.")),
      worksheet.on("moved", (path) => this.#moved(path)),
      worksheet.on("closed", (reason) => this.#gone(reason)),
    );
    toolbar.showBusy(worksheet.session.state === "busy");
  }

  #gone(reason: string): void {
    if (this.#closed || !reason) return;
    for (const stop of this.#worksheetStops.splice(0)) stop();
    fill(this.#tools);
    if (this.#refusal) return void this.#openAgain(this.#refusal);
    const leave = h("a", { href: this.#home.href }, "To the workspace");
    fill(this.#content, message("warning", h("span", {}, reason)), h("p", { class: "choices" }, leave));
  }

  /** What was edited here is refused for good: show what the server has instead, and say so. */
  async #openAgain(refusal: SagewsError): Promise<void> {
    this.#refusal = null;
    const lost = "Your last edits are not kept; this is the worksheet without them.";
    this.#messages.show("error", `${errorText(refusal)} ${lost}`);
    await this.#open(null, true);
  }

  // --- names and people

  #showPath(): void {
    const title = titleOf(this.#path);
    fill(this.#name, h("span", {}, title));
    this.#name.setAttribute("aria-label", `Rename ${title}`);
    document.title = `${title} · Sage Workspaces`;
  }

  #moved(path: string): void {
    this.#path = path;
    history.replaceState(null, "", worksheetAddress(this.#workspace.id, path));
    this.#showPath();
  }

  async #showWorkspace(): Promise<void> {
    try {
      const { name } = await this.#app.site.api.workspaces.get(this.#workspace.id);
      this.#home.textContent = name;
    } catch (error) {
      // Its name is missing in the bar; whether it can be opened is told by opening it.
      if (!this.#app.signInFor(error)) this.#home.textContent = "Workspace";
    }
  }

  async #rename(): Promise<void> {
    const title = titleOf(this.#path);
    const wanted = await askText({
      title: "Rename the worksheet",
      label: "Name",
      value: title,
      yes: "Rename",
    });
    if (!wanted || wanted === title) return;
    const folder = this.#path.split("/").slice(0, -1);
    const to = [...folder, wanted.endsWith(".ipynb") ? wanted : `${wanted}.ipynb`].join("/");
    await this.#messages.attempt(async () => {
      await this.#app.site.api.files.rename(this.#workspace.id, this.#path, to);
      this.#moved(to);
    });
  }

  #showPeople(): void {
    const { people } = this.#workspace;
    const me = people.find(({ client }) => this.#workspace.isMe(client));
    this.#people.show(people, me);
    if (me && this.#worksheet) this.#worksheet.awareness.setLocalStateField("user", cursorLooks(me));
  }
}
