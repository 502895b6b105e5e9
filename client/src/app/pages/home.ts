/** The first page: one's workspaces. */

import type { WorkspaceInfo } from "../../lib/index";
import { shareAddress, workspaceAddress, worksheetAddress } from "../addresses";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import { agoText } from "../output/sizes";
import { askText, confirm } from "./dialogs";
import { button, Messages, topBar } from "./shell";

export class HomePage implements Page {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #messages = new Messages();
  readonly #list = h("div", { class: "list-place", "aria-busy": "true" });

  constructor(app: App) {
    document.title = "Sage Workspaces";
    this.#app = app;
    const create = button("New workspace", () => void this.#create(), { class: "primary", icon: "add" });
    this.element = h(
      "div",
      { class: "page" },
      topBar(app),
      h(
        "main",
        { id: "main", class: "narrow" },
        h("div", { class: "title-row" }, h("h1", {}, "Workspaces"), create),
        this.#messages.element,
        this.#list,
      ),
    );
    void this.#load();
  }

  close(): void {}

  async #load(): Promise<void> {
    try {
      const workspaces = await this.#app.site.api.workspaces.list();
      fill(this.#list, workspaces.length > 0 ? this.#table(workspaces) : this.#welcome());
    } catch (error) {
      if (!this.#app.signInFor(error)) this.#messages.error(error);
    }
    this.#list.removeAttribute("aria-busy");
  }

  #welcome(): HTMLElement {
    const start = button("New worksheet", () => void this.#start(), { class: "primary large", icon: "add" });
    const text =
      "A workspace is a folder for your worksheets and files. You have none yet: start with a worksheet, " +
      "and it gets a workspace of its own.";
    return h("div", { class: "welcome" }, h("p", {}, text), start);
  }

  #table(workspaces: readonly WorkspaceInfo[]): HTMLElement {
    return h(
      "ul",
      { class: "rows", "aria-label": "Workspaces" },
      workspaces.map((one) => this.#row(one)),
    );
  }

  #row(workspace: WorkspaceInfo): HTMLElement {
    const changed = Date.parse(String(workspace["changed"] ?? ""));
    const about = [
      workspace.role === "owner" ? "" : workspace.role,
      Number.isNaN(changed) ? "" : `changed ${agoText(changed, Date.now())}`,
    ];
    const own = workspace.role === "owner";
    return h(
      "li",
      { class: "row", "data-workspace-id": workspace.id },
      h("a", { href: workspaceAddress(workspace.id), class: "row-name" }, workspace.name),
      h("span", { class: "row-about" }, about.filter(Boolean).join(" · ")),
      h(
        "span",
        { class: "row-actions" },
        button(
          `Share ${workspace.name}`,
          () => this.#app.navigate(shareAddress(workspace.id)),
          rowLooks("share"),
        ),
        own && button(`Rename ${workspace.name}`, () => void this.#rename(workspace), rowLooks("rename")),
        own && button(`Delete ${workspace.name}`, () => void this.#delete(workspace), rowLooks("delete")),
      ),
    );
  }

  async #create(): Promise<void> {
    const name = await askText({ title: "New workspace", label: "Name", yes: "Create" });
    if (!name) return;
    const made = await this.#messages.attempt(() => this.#app.site.api.workspaces.create(name));
    if (made) this.#app.navigate(workspaceAddress(made.id));
  }

  /** The first worksheet of somebody who has no workspace yet. */
  async #start(): Promise<void> {
    const made = await this.#messages.attempt(() => this.#app.site.api.workspaces.create("My workspace"));
    if (made) this.#app.navigate(`${worksheetAddress(made.id, "Untitled.ipynb")}?new`);
  }

  async #rename(workspace: WorkspaceInfo): Promise<void> {
    const asked = { title: "Rename the workspace", label: "Name", value: workspace.name, yes: "Rename" };
    const name = await askText(asked);
    if (!name || name === workspace.name) return;
    await this.#messages.attempt(() => this.#app.site.api.workspaces.rename(workspace.id, name));
    await this.#load();
  }

  async #delete(workspace: WorkspaceInfo): Promise<void> {
    const text = `“${workspace.name}” with all its worksheets and files will be deleted. This cannot be undone.`;
    if (!(await confirm({ title: "Delete the workspace?", text, yes: "Delete", dangerous: true }))) return;
    await this.#messages.attempt(() => this.#app.site.api.workspaces.delete(workspace.id));
    await this.#load();
  }
}

/** The looks of a small button in a row of a list. */
export function rowLooks(icon: "rename" | "delete" | "download" | "import" | "share"): {
  icon: typeof icon;
  iconOnly: true;
  class: string;
} {
  return { icon, iconOnly: true, class: "quiet" };
}
