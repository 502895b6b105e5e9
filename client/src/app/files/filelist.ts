/** FileList: the rows of a folder: worksheets, then folders and other files. Arrow keys go from row to row. */

import type { FileInfo } from "../../lib/index";
import { fileAddress, nameOf, textAddress, titleOf, workspaceAddress, worksheetAddress } from "../addresses";
import { fill, h } from "../dom";
import { icon } from "../icons";
import { agoText, bytesText } from "../output/sizes";
import { rowLooks } from "../pages/home";
import { button } from "../pages/shell";

export interface FileActions {
  rename(file: FileInfo, name: string): void;
  remove(file: FileInfo, name: string): void;
  /** Asks in which form a worksheet is wanted. */
  export(file: FileInfo, name: string): void;
  /** Unpacks it, or makes a worksheet of it. */
  take(file: FileInfo): void;
}

export class FileList {
  readonly element = h("div", { class: "list-place", "aria-busy": "true" });
  readonly #workspace: string;
  readonly #actions: FileActions;
  readonly #archive: (path: string) => string;
  #shown = "";

  /** @param archive gives the address of a folder as a zip file. */
  constructor(workspace: string, actions: FileActions, archive: (path: string) => string) {
    this.#workspace = workspace;
    this.#actions = actions;
    this.#archive = archive;
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Shows these, where they are not shown already; the focus stays on the row that has it. */
  show(entries: readonly FileInfo[], readOnly: boolean, nothing: string): void {
    this.element.removeAttribute("aria-busy");
    const description = JSON.stringify([entries, readOnly, nothing]);
    if (description === this.#shown) return;
    this.#shown = description;
    const focus = this.#focus();
    fill(
      this.element,
      entries.length > 0 ? this.#groups(entries, readOnly) : h("p", { class: "welcome note" }, nothing),
    );
    this.#refocus(focus);
  }

  #groups(entries: readonly FileInfo[], readOnly: boolean): HTMLElement[] {
    const groups = [
      { name: "Worksheets", files: entries.filter(isWorksheet) },
      { name: "Files", files: entries.filter((file) => !isWorksheet(file)) },
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
            files.map((file) => this.#row(file, readOnly)),
          ),
        ),
      );
  }

  #row(file: FileInfo, readOnly: boolean): HTMLElement {
    const name = isWorksheet(file) ? titleOf(file.path) : nameOf(file.path);
    const about = [
      isWorksheet(file) || file.kind !== "file" ? "" : bytesText(file.size),
      file.modified ? `changed ${agoText(file.modified * 1000, Date.now())}` : "",
    ];
    return h(
      "li",
      { class: "row", "data-path": file.path },
      icon(file.kind === "folder" ? "folder" : isWorksheet(file) ? "worksheet" : "file"),
      this.#link(file, name),
      h("span", { class: "row-about" }, about.filter(Boolean).join(" · ")),
      h("span", { class: "row-actions" }, this.#buttons(file, name, readOnly)),
    );
  }

  #link(file: FileInfo, name: string): HTMLElement {
    const { path, kind } = file;
    if (isWorksheet(file)) {
      return h("a", { href: worksheetAddress(this.#workspace, path), class: "row-name" }, name);
    }
    if (kind === "folder") {
      return h("a", { href: workspaceAddress(this.#workspace, path), class: "row-name" }, name);
    }
    if (kind === "other") return h("span", { class: "row-name plain" }, name);
    if (isText(path))
      return h("a", { href: textAddress(this.#workspace, path), class: "row-name plain" }, name);
    const address = fileAddress(this.#workspace, path);
    return h("a", { href: address, download: true, class: "row-name plain" }, name);
  }

  #buttons(file: FileInfo, name: string, readOnly: boolean): HTMLElement[] {
    const { path, kind } = file;
    const address = kind === "folder" ? this.#archive(path) : fileAddress(this.#workspace, path);
    const buttons = [];
    const what = kind === "file" && !readOnly ? importText(path, name) : "";
    if (what) buttons.push(button(what, () => this.#actions.take(file), rowLooks("import")));
    const get = (): void => (isWorksheet(file) ? this.#actions.export(file, name) : download(address));
    if (kind !== "other") buttons.push(button(`Download ${name}`, get, rowLooks("download")));
    if (!readOnly) {
      buttons.push(
        button(`Rename ${name}`, () => this.#actions.rename(file, name), rowLooks("rename")),
        button(`Delete ${name}`, () => this.#actions.remove(file, name), rowLooks("delete")),
      );
    }
    return buttons;
  }

  // --- keys and focus

  #onKey(event: KeyboardEvent): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const row = event.target instanceof Element ? event.target.closest(".row") : null;
    if (!step || !row || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const rows = [...this.element.querySelectorAll(".row")];
    const link = rows[rows.indexOf(row) + step]?.querySelector("a, button");
    if (!(link instanceof HTMLElement)) return;
    event.preventDefault();
    link.focus();
  }

  #focus(): Focus | null {
    const row = document.activeElement?.closest(".row");
    if (!(row instanceof HTMLElement) || !this.element.contains(row)) return null;
    const place = focusable(row).indexOf(document.activeElement as HTMLElement);
    const rows = [...this.element.querySelectorAll(".row")];
    return { path: row.dataset["path"] ?? "", place, row: rows.indexOf(row) };
  }

  /** Back to the same row; where that is gone, to the one that stands there now. */
  #refocus(focus: Focus | null): void {
    if (!focus) return;
    const rows = [...this.element.querySelectorAll<HTMLElement>(".row")];
    const same = rows.find((row) => row.dataset["path"] === focus.path);
    const row = same ?? rows[Math.min(focus.row, rows.length - 1)];
    if (row) (focusable(row)[same ? focus.place : 0] ?? focusable(row)[0])?.focus();
  }
}

/** Which link or button of which row has the focus. */
interface Focus {
  readonly path: string;
  readonly place: number;
  readonly row: number;
}

function focusable(row: HTMLElement): HTMLElement[] {
  return [...row.querySelectorAll<HTMLElement>("a, button")];
}

export function isWorksheet({ path, kind }: FileInfo): boolean {
  return kind === "file" && path.endsWith(".ipynb");
}

const NO_TEXT =
  /\.(avi|bin|bz2|db|doc|docx|dylib|exe|gif|gz|h5|hdf5|ico|jar|jpe?g|mat|mov|mp[34]|npy|npz|o|od[pst]|ogg|parquet|pdf|pickle|pkl|png|pptx?|pyc|rar|so|sobj|sqlite3?|tar|tgz|tiff?|ttf|wav|webm|webp|woff2?|xlsx?|xz|zip|7z)$/i;

/** Whether a file is looked at as text, by its name; the page of one that is none says so. */
export function isText(path: string): boolean {
  return !NO_TEXT.test(path);
}

/** What a file can become; "" = nothing else. */
function importText(path: string, name: string): string {
  if (/\.zip$/i.test(path)) return `Unpack ${name}`;
  return /\.(py|sage)$/i.test(path) ? `Make a worksheet of ${name}` : "";
}

export function download(address: string): void {
  h("a", { href: address, download: true }).click();
}
