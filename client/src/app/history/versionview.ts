/** One version, opened: what was changed in it, compared with the one before or another; its files. */

import type { FileInfo, Version, VersionHistory } from "../../lib/index";
import { h, fill } from "../dom";
import type { Child } from "../dom";
import { bytesText } from "../output/sizes";
import { button, errorText, message } from "../pages/shell";
import { comparisonView } from "./comparisonview";
import { contentView } from "./contentview";

/** "" of `since` = the version before. */
export class VersionView {
  readonly element = h("div", { class: "version-view" });
  readonly #history: VersionHistory;
  readonly #version: Version;
  readonly #others: readonly Version[];
  readonly #since = h("select", { "aria-label": "Compare with" });
  readonly #changes = h("div", { class: "version-changes", "aria-live": "polite" });
  readonly #files = h("div", { class: "version-files" });

  constructor(history: VersionHistory, version: Version, others: readonly Version[]) {
    this.#history = history;
    this.#version = version;
    this.#others = others.filter(({ id }) => id !== version.id);
    fill(
      this.#since,
      h("option", { value: "" }, "the version before"),
      this.#others.map((other) => h("option", { value: other.id }, label(other))),
    );
    this.#since.addEventListener("change", () => void this.#showChanges());
    fill(
      this.element,
      h("label", { class: "since" }, "Compared with ", this.#since),
      this.#changes,
      h(
        "p",
        {},
        button("All files of this version", () => void this.#showFiles(), { class: "quiet" }),
      ),
      this.#files,
    );
    void this.#showChanges();
  }

  async #showChanges(): Promise<void> {
    const { changes } = await this.#attempt(this.#changes, () =>
      this.#history.changes(this.#version.id, this.#since.value),
    );
    if (changes.length === 0) return fill(this.#changes, h("p", { class: "note" }, "No file is different."));
    fill(
      this.#changes,
      h(
        "ul",
        { class: "rows", "aria-label": "Files that differ" },
        changes.map(({ path, change }) => this.#changeRow(path, change)),
      ),
    );
  }

  #changeRow(path: string, change: string): HTMLElement {
    const place = h("div", { class: "shown-file" });
    const since = this.#since.value;
    return h(
      "li",
      { class: "row-with-more" },
      h(
        "div",
        { class: "row" },
        opener(path, place, async () =>
          comparisonView(await this.#history.compare(this.#version.id, path, since)),
        ),
        h("span", { class: `row-about ${change}` }, change),
        change !== "deleted" && this.#download(path),
      ),
      place,
    );
  }

  async #showFiles(): Promise<void> {
    if (this.#files.hasChildNodes()) return fill(this.#files);
    const files = await this.#attempt(this.#files, () => this.#history.files(this.#version.id));
    fill(
      this.#files,
      h(
        "ul",
        { class: "rows", "aria-label": "Files of this version" },
        files.map((file) => this.#fileRow(file)),
      ),
    );
  }

  #fileRow(file: FileInfo): HTMLElement {
    const place = h("div", { class: "shown-file" });
    return h(
      "li",
      { class: "row-with-more" },
      h(
        "div",
        { class: "row" },
        file.kind === "file"
          ? opener(file.path, place, () => contentView(this.#history, this.#version.id, file))
          : h("span", { class: "row-name plain" }, file.path),
        h("span", { class: "row-about" }, file.kind === "file" ? bytesText(file.size) : "link"),
        file.kind === "file" && this.#download(file.path),
      ),
      place,
    );
  }

  #download(path: string): HTMLElement {
    const address = this.#history.address(this.#version.id, path);
    const name = `Download ${path}`;
    return h("a", { href: address, download: true, class: "row-link", "aria-label": name }, "Download");
  }

  async #attempt<T>(place: HTMLElement, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      fill(place, message("error", errorText(error)));
      throw error;
    }
  }
}

/** How a version is called in a list of choices. */
export function label(version: Version): string {
  return version.name || `${new Date(version.at * 1000).toLocaleString("en-GB", SHORT)}: ${title(version)}`;
}

const SHORT = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" } as const;

/** The first line of what a version says of itself. */
export function title(version: Version): string {
  return version.message.split("\n", 1)[0] ?? "";
}

/** A button that shows something below it, and hides it again. */
function opener(name: string, place: HTMLElement, load: () => Promise<Child>): HTMLButtonElement {
  const made = button(name, () => void toggle(), { class: "row-name opener" });
  made.setAttribute("aria-expanded", "false");
  const toggle = async (): Promise<void> => {
    const opens = made.getAttribute("aria-expanded") === "false";
    made.setAttribute("aria-expanded", String(opens));
    if (!opens) return fill(place);
    try {
      fill(place, await load());
    } catch (error) {
      fill(place, message("error", errorText(error)));
    }
  };
  return made;
}
