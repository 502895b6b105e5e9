/**
 * FolderView: what is in a folder, as far as it is shown: its first part, more of it on request, or what matches a word.
 * It is loaded again when the site tells that the folder has changed, at most once in a while.
 */

import type { FileInfo, Files, Workspace } from "../../lib/index";
import { folderOf, nameOf } from "../addresses";
import { h } from "../dom";
import { button } from "../pages/shell";

export interface FolderViewer {
  show(entries: readonly FileInfo[]): void;
  fail(error: unknown): void;
}

const PAGE = 300;
/** Below so many there is nothing to search. */
const FEW = 15;
const PAUSE_MILLISECONDS = 700;
const TYPING_MILLISECONDS = 200;

export class FolderView {
  /** Searches in the folder. */
  readonly filter = h("input", {
    type: "search",
    class: "file-filter",
    placeholder: "Find",
    "aria-label": "Find by name in this folder",
    hidden: true,
  });
  /** Says how many there are, and shows more. */
  readonly more = h("div", { class: "more-files note", "aria-live": "polite" });
  readonly #files: Files;
  readonly #workspace: Workspace;
  readonly #folder: string;
  readonly #viewer: FolderViewer;
  readonly #stops: (() => void)[] = [];
  #entries: readonly FileInfo[] = [];
  #wanted = PAGE;
  #turn = 0;
  #timer = 0;
  #loadedAt = 0;
  #closed = false;

  constructor(files: Files, workspace: Workspace, folder: string, viewer: FolderViewer) {
    this.#files = files;
    this.#workspace = workspace;
    this.#folder = folder;
    this.#viewer = viewer;
    this.filter.addEventListener("input", () => {
      this.#wanted = PAGE;
      this.#loadIn(TYPING_MILLISECONDS);
    });
    let attached = workspace.state.name === "attached";
    this.#stops.push(
      workspace.on("folder", (path) => {
        if (path === folder) this.#loadIn(this.#loadedAt + PAUSE_MILLISECONDS - performance.now());
      }),
      // What changed while nobody told us.
      workspace.on("state", ({ name }) => {
        if (name === "attached" && !attached) this.#loadIn(0);
        attached = name === "attached";
      }),
    );
  }

  close(): void {
    this.#closed = true;
    window.clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
  }

  /** Names of what is shown. */
  get names(): readonly string[] {
    return this.#entries.map(({ path }) => nameOf(path));
  }

  get isFiltered(): boolean {
    return this.filter.value !== "";
  }

  async load(): Promise<void> {
    window.clearTimeout(this.#timer);
    this.#timer = 0;
    this.#loadedAt = performance.now();
    const mine = (this.#turn += 1);
    try {
      const options = { limit: this.#wanted, matching: this.filter.value };
      const { entries, total } = await this.#files.page(this.#workspace.id, this.#folder, options);
      if (mine === this.#turn && !this.#closed) this.#show(entries, total);
    } catch (error) {
      if (mine === this.#turn && !this.#closed) this.#viewer.fail(error);
    }
  }

  #loadIn(milliseconds: number): void {
    if (this.#closed || this.#timer) return;
    this.#timer = window.setTimeout(() => void this.load(), Math.max(0, milliseconds));
  }

  #show(entries: readonly FileInfo[], total: number): void {
    const isAll = entries.length >= total;
    this.#entries = isAll && !this.isFiltered ? this.#withLive(entries) : entries;
    const shown = this.#entries.filter(({ path }) => !nameOf(path).startsWith("."));
    this.filter.hidden = total < FEW && !this.isFiltered;
    this.#viewer.show(shown);
    const more = button("Show more", () => this.#showMore());
    this.more.replaceChildren(...(isAll ? [] : [`${entries.length} of ${total} are shown. `, more]));
  }

  #showMore(): void {
    this.#wanted = Math.min(5_000, this.#wanted + 2 * PAGE);
    void this.load();
  }

  /** The files, with the worksheets whose file is not written yet. */
  #withLive(files: readonly FileInfo[]): FileInfo[] {
    const known = new Set(files.map(({ path }) => path));
    const live = this.#workspace.livePaths.filter((path) => !known.has(path));
    const here = live.filter((path) => path && folderOf(path) === this.#folder);
    return [...files, ...here.map((path): FileInfo => ({ path, kind: "file", size: 0, modified: 0 }))];
  }
}
