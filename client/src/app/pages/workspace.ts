/** A workspace: its worksheets and files. It is attached to at once, so that a worksheet opens quickly. */

import type { FileInfo, Workspace } from "../../lib/index";
import { environmentTitle, fileAddress, freeName, titleOf, worksheetAddress } from "../addresses";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import { agoText, bytesText } from "../output/sizes";
import { askText, confirm } from "./dialogs";
import { rowLooks } from "./home";
import { button, Messages, topBar } from "./shell";

export class WorkspacePage implements Page {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #workspace: Workspace;
  readonly #messages = new Messages();
  readonly #title = h("h1", {}, "Workspace");
  readonly #list = h("div", { class: "list-place", "aria-busy": "true" });
  readonly #upload = h("input", { type: "file", multiple: true, hidden: true, "data-testid": "upload" });
  readonly #environment = h("select", { "aria-label": "Environment of a new worksheet", hidden: true });
  #names: string[] = [];

  constructor(app: App, id: string) {
    document.title = "Workspace · Sage Workspaces";
    this.#app = app;
    this.#workspace = app.site.workspace(id);
    this.#upload.addEventListener("change", () => void this.#uploadFiles());
    const create = button("New worksheet", () => void this.#create(), { class: "primary", icon: "add" });
    const upload = button("Upload", () => this.#upload.click(), { icon: "upload" });
    this.element = h(
      "div",
      { class: "page" },
      topBar(app, h("a", { href: "/" }, "Workspaces")),
      h(
        "main",
        { id: "main", class: "narrow" },
        h("div", { class: "title-row" }, this.#title, upload, this.#environment, create),
        this.#upload,
        this.#messages.element,
        this.#list,
      ),
    );
    // Who may not attach may not list files either, and is told so there.
    const attached = this.#workspace.attach().catch(() => undefined);
    void this.#loadTitle();
    void this.#load();
    // Worksheets whose file is not written yet are known only now.
    void attached.then(() => {
      this.#showEnvironments();
      if (this.#workspace.livePaths.some((path) => !this.#names.includes(path))) void this.#load();
    });
  }

  close(): void {}

  /** Where there is only one, there is nothing to choose. */
  #showEnvironments(): void {
    const names = this.#app.site.environments;
    fill(
      this.#environment,
      names.map((name) => h("option", { value: name }, environmentTitle(name))),
    );
    this.#environment.hidden = names.length < 2;
  }

  async #loadTitle(): Promise<void> {
    try {
      const { name } = await this.#app.site.api.workspaces.get(this.#workspace.id);
      this.#title.textContent = name;
      document.title = `${name} · Sage Workspaces`;
    } catch (error) {
      if (!this.#app.signInFor(error)) this.#messages.error(error);
    }
  }

  async #load(): Promise<void> {
    try {
      const files = await this.#app.site.api.files.list(this.#workspace.id);
      const entries = withLive(files, this.#workspace.livePaths);
      this.#names = entries.map(({ path }) => path);
      fill(this.#list, entries.length > 0 ? this.#rows(entries) : this.#empty());
    } catch (error) {
      if (!this.#app.signInFor(error)) this.#messages.error(error);
    }
    this.#list.removeAttribute("aria-busy");
  }

  #empty(): HTMLElement {
    return h("p", { class: "welcome note" }, "There is nothing here yet. Make a worksheet, or upload files.");
  }

  #rows(entries: readonly FileInfo[]): HTMLElement[] {
    const shown = entries.filter(({ path }) => !(path.split("/").at(-1) ?? "").startsWith("."));
    const isWorksheet = ({ path, kind }: FileInfo): boolean => kind === "file" && path.endsWith(".ipynb");
    const groups = [
      { name: "Worksheets", files: shown.filter(isWorksheet) },
      { name: "Files", files: shown.filter((file) => !isWorksheet(file)) },
    ];
    return groups
      .filter(({ files }) => files.length > 0)
      .map(({ name, files }) =>
        h(
          "section",
          {},
          h("h2", {}, name),
          h(
            "ul",
            { class: "rows", "aria-label": name },
            files.map((file) => this.#row(file)),
          ),
        ),
      );
  }

  #row(file: FileInfo): HTMLElement {
    const worksheet = file.path.endsWith(".ipynb");
    const name = worksheet ? titleOf(file.path) : file.path;
    const address = fileAddress(this.#workspace.id, file.path);
    const link = worksheet
      ? h("a", { href: worksheetAddress(this.#workspace.id, file.path), class: "row-name" }, name)
      : file.kind === "file"
        ? h("a", { href: address, download: true, class: "row-name plain" }, name)
        : h("span", { class: "row-name plain" }, `${name}/`);
    const about = [
      worksheet || file.kind !== "file" ? "" : bytesText(file.size),
      file.modified ? `changed ${agoText(file.modified * 1000, Date.now())}` : "",
    ];
    return h(
      "li",
      { class: "row", "data-path": file.path },
      link,
      h("span", { class: "row-about" }, about.filter(Boolean).join(" · ")),
      h(
        "span",
        { class: "row-actions" },
        file.kind === "file" && button(`Download ${name}`, () => download(address), rowLooks("download")),
        button(`Rename ${name}`, () => void this.#rename(file, name), rowLooks("rename")),
        button(`Delete ${name}`, () => void this.#delete(file, name), rowLooks("delete")),
      ),
    );
  }

  async #create(): Promise<void> {
    await this.#messages.attempt(async () => {
      await this.#workspace.attach();
      const name = freeName([...this.#names, ...this.#workspace.livePaths]);
      const environment = encodeURIComponent(this.#environment.value);
      this.#app.navigate(`${worksheetAddress(this.#workspace.id, name)}?new=${environment}`);
    });
  }

  async #rename(file: FileInfo, name: string): Promise<void> {
    const wanted = await askText({ title: `Rename “${name}”`, label: "Name", value: name, yes: "Rename" });
    if (!wanted || wanted === name) return;
    const to = file.path.endsWith(".ipynb") && !wanted.endsWith(".ipynb") ? `${wanted}.ipynb` : wanted;
    await this.#messages.attempt(() => this.#app.site.api.files.rename(this.#workspace.id, file.path, to));
    await this.#load();
  }

  async #delete(file: FileInfo, name: string): Promise<void> {
    const text = `“${name}” will be deleted. This cannot be undone.`;
    if (!(await confirm({ title: "Delete?", text, yes: "Delete", dangerous: true }))) return;
    await this.#messages.attempt(() => this.#app.site.api.files.remove(this.#workspace.id, file.path));
    await this.#load();
  }

  async #uploadFiles(): Promise<void> {
    for (const file of this.#upload.files ?? []) {
      this.#messages.show("info", `Uploading ${file.name} …`);
      const done = await this.#messages.attempt(async () => {
        await this.#app.site.api.files.write(this.#workspace.id, file.name, file);
        return true;
      });
      if (!done) break;
      this.#messages.clear();
    }
    this.#upload.value = "";
    await this.#load();
  }
}

/** The files, with the worksheets whose file is not written yet. */
function withLive(files: readonly FileInfo[], live: readonly string[]): FileInfo[] {
  const known = new Set(files.map(({ path }) => path));
  const more = live.filter((path) => !known.has(path) && !path.includes("/"));
  return [...files, ...more.map((path): FileInfo => ({ path, kind: "file", size: 0, modified: 0 }))];
}

function download(address: string): void {
  h("a", { href: address, download: true }).click();
}
