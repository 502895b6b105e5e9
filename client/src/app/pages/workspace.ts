/**
 * A workspace, or a folder of it: its worksheets and files. It is attached to at once, so that a worksheet opens quickly
 * and the page hears what changes in the folder.
 */

import type { FileInfo, Workspace } from "../../lib/index";
import {
  environmentTitle,
  folderOf,
  freeName,
  historyAddress,
  joined,
  nameOf,
  publishAddress,
  shareAddress,
  textAddress,
  workspaceAddress,
  worksheetAddress,
} from "../addresses";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import { MOST_DROPPED, takeDrops } from "../files/dropping";
import type { Dropped } from "../files/dropping";
import { download, FileList, isWorksheet } from "../files/filelist";
import { showExports } from "../files/exports";
import { FolderView } from "../files/folderview";
import { UploadsView } from "../files/uploadsview";
import { askText, confirm } from "./dialogs";
import { button, Messages, topBar } from "./shell";

export class WorkspacePage implements Page {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #workspace: Workspace;
  readonly #folder: string;
  readonly #messages = new Messages();
  readonly #title = h("h1", {}, "Workspace");
  readonly #list: FileList;
  readonly #view: FolderView;
  readonly #uploads: UploadsView;
  readonly #chosen = h("input", { type: "file", multiple: true, hidden: true, "data-testid": "upload" });
  readonly #environment = h("select", { "aria-label": "Environment of a new worksheet", hidden: true });
  readonly #writing: HTMLElement[];
  readonly #stops: (() => void)[] = [];
  #readOnly = false;

  /** @param folder "" = the top. */
  constructor(app: App, id: string, folder: string) {
    document.title = "Workspace · Sage Workspaces";
    this.#app = app;
    this.#folder = folder;
    this.#workspace = app.site.workspace(id);
    const { files } = app.site.api;
    this.#list = new FileList(
      id,
      {
        rename: (file, name) => void this.#rename(file, name),
        remove: (file, name) => void this.#remove(file, name),
        export: (file, name) => void showExports(files, id, file.path, name),
        take: (file) => void this.#take(file),
      },
      (path) => files.archiveAddress(id, path),
    );
    this.#view = new FolderView(files, this.#workspace, folder, {
      show: (entries) => this.#list.show(entries, this.#readOnly, this.#nothing()),
      fail: (error) => this.#fail(error),
    });
    this.#uploads = new UploadsView(app.uploads, id);
    this.#uploads.onArrived = () => void this.#view.load();
    this.#chosen.addEventListener("change", () => this.#uploadChosen());
    const create = button("New worksheet", () => void this.#create(), { class: "primary", icon: "add" });
    const versions = button("History", () => app.navigate(historyAddress(id)), {
      class: "quiet",
      icon: "history",
    });
    const upload = button("Upload", () => this.#chosen.click(), { icon: "upload" });
    const newFolder = button("New folder", () => void this.#newFolder(), { class: "quiet", icon: "folder" });
    const newText = button("New text file", () => void this.#newText(), { class: "quiet", icon: "file" });
    this.#writing = [upload, this.#environment, create, newFolder, newText];
    const archive = button("Download all", () => download(files.archiveAddress(id, folder)), {
      class: "quiet",
      icon: "download",
      title: "Everything here as a zip file",
    });
    this.element = h(
      "div",
      { class: "page" },
      topBar(app, h("a", { href: "/" }, "Workspaces")),
      h(
        "main",
        { id: "main", class: "narrow" },
        h("div", { class: "title-row" }, this.#title, upload, this.#environment, create),
        h(
          "nav",
          { class: "workspace-links", "aria-label": "Of the workspace" },
          h("a", { href: shareAddress(id) }, "Share"),
          h("a", { href: publishAddress(id) }, "Publish"),
        ),
        this.#crumbs("Workspace"),
        this.#chosen,
        h(
          "div",
          { class: "file-tools" },
          newFolder,
          newText,
          archive,
          versions,
          h("span", { class: "spacer" }),
          this.#view.filter,
        ),
        this.#messages.element,
        this.#uploads.element,
        this.#list.element,
        this.#view.more,
      ),
    );
    this.#follow();
    void this.#loadTitle();
    void this.#view.load();
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#view.close();
    this.#uploads.close();
  }

  #follow(): void {
    const text = `Drop files here to upload them${this.#folder ? ` into ${this.#folder}` : ""}`;
    this.#stops.push(
      takeDrops(this.element, text, (dropped) => void this.#uploadDropped(dropped)),
      this.#app.site.on("state", (state) => {
        if (state.name === "refused" && state.reason?.code === "not_signed_in") this.#app.goToSignIn();
      }),
    );
    this.#stops.push(
      this.#workspace.on("state", ({ name, reason }) => {
        if (name !== "refused" || !reason || reason.code === "not_signed_in") return;
        this.#list.show([], true, "");
        this.#messages.show("error", `${reason.what} It was deleted, or is not shared with you any more.`);
      }),
    );
    // Who may not attach may not list files either, and is told so there.
    void this.#workspace
      .attach()
      .then(() => {
        this.#showEnvironments();
        // Worksheets whose file is not written yet, and our role, are known only now.
        this.#showRole();
        return this.#view.load();
      })
      .catch(() => undefined);
  }

  // --- what is shown

  /** Where there is only one, there is nothing to choose. */
  #showEnvironments(): void {
    const names = this.#app.site.environments;
    fill(
      this.#environment,
      names.map((name) => h("option", { value: name }, environmentTitle(name))),
    );
    this.#environment.hidden = names.length < 2;
  }

  #showRole(): void {
    this.#readOnly = this.#workspace.role === "reader";
    if (this.#readOnly) for (const element of this.#writing) element.hidden = true;
  }

  async #loadTitle(): Promise<void> {
    try {
      const { name } = await this.#app.site.api.workspaces.get(this.#workspace.id);
      this.#title.textContent = this.#folder ? nameOf(this.#folder) : name;
      document.title = `${this.#title.textContent} · Sage Workspaces`;
      this.element.querySelector(".folder-crumbs")?.replaceWith(this.#crumbs(name));
    } catch (error) {
      if (!this.#app.signInFor(error)) this.#messages.error(error);
    }
  }

  /** The way from the workspace to the folder; nothing at the top. */
  #crumbs(workspace: string): HTMLElement {
    const parts = this.#folder ? this.#folder.split("/") : [];
    const links = parts.slice(0, -1).map((name, place) => {
      const path = parts.slice(0, place + 1).join("/");
      return [" / ", h("a", { href: workspaceAddress(this.#workspace.id, path) }, name)];
    });
    const top = h("a", { href: workspaceAddress(this.#workspace.id) }, workspace);
    const here = h("span", { "aria-current": "page" }, parts.at(-1));
    return h(
      "nav",
      { class: "folder-crumbs", "aria-label": "Folder", hidden: parts.length === 0 },
      top,
      links,
      " / ",
      here,
    );
  }

  #nothing(): string {
    if (this.#view.isFiltered) return "No file here has that in its name.";
    if (this.#readOnly) return "There is nothing here yet.";
    if (this.#folder) return "This folder is empty. Drop files here, or make a worksheet.";
    return "There is nothing here yet. Make a worksheet, or drop files here.";
  }

  #fail(error: unknown): void {
    if (!this.#app.signInFor(error)) this.#messages.error(error);
    this.#list.show([], this.#readOnly, "");
  }

  // --- what is done

  async #create(): Promise<void> {
    await this.#messages.attempt(async () => {
      await this.#workspace.attach();
      const taken = [...this.#view.names, ...this.#workspace.livePaths.map(nameOf)];
      const path = joined(this.#folder, freeName(taken));
      const environment = encodeURIComponent(this.#environment.value);
      this.#app.navigate(`${worksheetAddress(this.#workspace.id, path)}?new=${environment}`);
    });
  }

  async #newFolder(): Promise<void> {
    const name = await askText({ title: "New folder", label: "Name", yes: "Create" });
    if (!name) return;
    const path = joined(this.#folder, name);
    const { files } = this.#app.site.api;
    await this.#messages.attempt(() => files.makeFolder(this.#workspace.id, path));
    await this.#view.load();
  }

  async #newText(): Promise<void> {
    const asked = { title: "New text file", label: "Name, with its ending: program.py", yes: "Create" };
    const name = await askText(asked);
    if (!name) return;
    if (this.#view.names.includes(name)) return this.#messages.show("error", `There is ${name} already.`);
    this.#app.navigate(`${textAddress(this.#workspace.id, joined(this.#folder, name))}?new`);
  }

  async #rename(file: FileInfo, name: string): Promise<void> {
    const label = "Name (folder/name moves it; /name, to the top)";
    const wanted = await askText({ title: `Rename “${name}”`, label, value: name, yes: "Rename" });
    if (!wanted || wanted === name) return;
    const full = isWorksheet(file) && !wanted.endsWith(".ipynb") ? `${wanted}.ipynb` : wanted;
    const to = joined(folderOf(file.path), full);
    await this.#messages.attempt(() => this.#app.site.api.files.rename(this.#workspace.id, file.path, to));
    await this.#view.load();
  }

  async #remove(file: FileInfo, name: string): Promise<void> {
    const all = file.kind === "folder" ? " with all that is in it" : "";
    const text = `“${name}”${all} will be deleted. This cannot be undone.`;
    if (!(await confirm({ title: "Delete?", text, yes: "Delete", dangerous: true }))) return;
    await this.#messages.attempt(() => this.#app.site.api.files.remove(this.#workspace.id, file.path));
    await this.#view.load();
  }

  async #take(file: FileInfo): Promise<void> {
    const { files } = this.#app.site.api;
    const made = await this.#messages.attempt(() => files.import(this.#workspace.id, file.path));
    if (made) {
      const count = made.files === 1 ? "1 file" : `${made.files} files`;
      const what = made.path.endsWith(".ipynb") ? "Made" : `Unpacked ${count} into`;
      this.#messages.show("info", `${what} ${nameOf(made.path)}.`);
    }
    await this.#view.load();
  }

  #uploadChosen(): void {
    for (const file of this.#chosen.files ?? []) this.#upload(file.name, file);
    this.#chosen.value = "";
  }

  async #uploadDropped(dropping: Promise<Dropped[]>): Promise<void> {
    const dropped = await this.#messages.attempt(() => dropping);
    if (!dropped || this.#readOnly) return;
    if (dropped.length >= MOST_DROPPED) {
      return this.#messages.show("error", `More than ${MOST_DROPPED} files: put them into a zip file first.`);
    }
    for (const { path, file } of dropped) this.#upload(path, file);
  }

  #upload(path: string, file: File): void {
    this.#app.uploads.add(this.#workspace.id, joined(this.#folder, path), file);
  }
}
