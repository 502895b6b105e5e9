/** DocumentBar: the bar above an open document: its workspace, its name, who is here, its state and its tools. */

import type { SharedFileEvents, Unsubscribe, Worksheet, Workspace } from "../../lib/index";
import { folderOf, joined, workspaceAddress, worksheetAddress } from "../addresses";
import type { App } from "../app";
import { fill, h } from "../dom";
import type { Child } from "../dom";
import { askText } from "../pages/dialogs";
import { button } from "../pages/shell";
import type { Messages } from "../pages/shell";
import { cursorLooks, PeopleView } from "../worksheet/people";
import { StatusBar } from "../worksheet/statusbar";

/** How documents of a kind are called. */
export interface Naming {
  /** What people call such a document. */
  readonly noun: "file" | "worksheet";
  /** What is shown of a path. */
  titleOf(path: string): string;
  /** The name of the file for a title that somebody typed. */
  fileName(title: string): string;
}

/** What of an open file its view needs, whatever kind it is. */
export interface OpenFile {
  readonly awareness: Worksheet["awareness"];
  on<Name extends keyof SharedFileEvents>(
    name: Name,
    handler: (event: SharedFileEvents[Name]) => void,
  ): Unsubscribe;
  close(): void;
}

export class DocumentBar {
  readonly element: HTMLElement;
  readonly status: StatusBar;
  readonly tools = h("div", { class: "tools" });
  readonly #app: App;
  readonly #workspace: Workspace;
  readonly #naming: Naming;
  readonly #messages: Messages;
  readonly #people = new PeopleView();
  readonly #home = h("a", {}, "Workspace");
  readonly #name = button("", () => void this.#rename(), { class: "worksheet-name", title: "Rename" });
  readonly #stop: () => void;
  #path: string;
  #file: OpenFile | null = null;

  /** @param about stands after the name. */
  constructor(
    app: App,
    workspace: Workspace,
    path: string,
    { naming, messages, about }: { naming: Naming; messages: Messages; about?: Child },
  ) {
    this.#app = app;
    this.#workspace = workspace;
    this.#path = path;
    this.#naming = naming;
    this.#messages = messages;
    this.status = new StatusBar(app.site, workspace);
    this.#name.dataset["testid"] = "worksheet-name";
    this.#home.href = workspaceAddress(workspace.id, folderOf(path));
    const separator = h("span", { class: "separator" }, "/");
    this.element = h(
      "header",
      { class: "worksheet-bar" },
      h("div", { class: "place" }, this.#home, separator, h("h1", {}, this.#name), about),
      this.#people.element,
      this.status.element,
      this.tools,
    );
    this.#showPath();
    this.#stop = workspace.on("people", () => this.#showPeople());
    void this.#showWorkspace();
  }

  /** Of the document; changes where it is renamed here or elsewhere. */
  get path(): string {
    return this.#path;
  }

  /** The address of the folder that the document was opened in. */
  get home(): string {
    return this.#home.href;
  }

  /** Others see at this file's cursors who we are. */
  follow(file: OpenFile | null): void {
    this.#file = file;
    this.#showPeople();
  }

  /** The document has another path. */
  moved(path: string): void {
    this.#path = path;
    history.replaceState(null, "", worksheetAddress(this.#workspace.id, path));
    this.#showPath();
  }

  close(): void {
    this.#stop();
    this.status.close();
  }

  #showPath(): void {
    const title = this.#naming.titleOf(this.#path);
    fill(this.#name, h("span", {}, title));
    this.#name.setAttribute("aria-label", `Rename ${title}`);
    document.title = `${title} · Sage Workspaces`;
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
    const value = this.#naming.titleOf(this.#path);
    const title = `Rename the ${this.#naming.noun}`;
    const wanted = await askText({ title, label: "Name", value, yes: "Rename" });
    if (!wanted || wanted === value) return;
    const to = joined(folderOf(this.#path), this.#naming.fileName(wanted));
    await this.#messages.attempt(async () => {
      await this.#app.site.api.files.rename(this.#workspace.id, this.#path, to);
      // Another page shows it where it became a document of another kind.
      if (isWorksheet(to) === isWorksheet(this.#path)) this.moved(to);
      else this.#app.navigate(worksheetAddress(this.#workspace.id, to), { replace: true });
    });
  }

  #showPeople(): void {
    const { people } = this.#workspace;
    const me = people.find(({ client }) => this.#workspace.isMe(client));
    this.#people.show(people, me);
    if (me) this.#file?.awareness.setLocalStateField("user", cursorLooks(me));
  }
}

function isWorksheet(path: string): boolean {
  return path.endsWith(".ipynb");
}
