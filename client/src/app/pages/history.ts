/** The versions of a workspace, or of one of its files: list, look at, compare, name, go back. */

import { VersionHistory } from "../../lib/index";
import type { Version } from "../../lib/index";
import { historyAddress, titleOf, workspaceAddress, worksheetAddress } from "../addresses";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import { title, VersionView } from "../history/versionview";
import { agoText } from "../output/sizes";
import { askText, confirm } from "./dialogs";
import { button, Messages, topBar } from "./shell";

const PART = 50;

export class HistoryPage implements Page {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #workspace: string;
  readonly #path: string;
  readonly #history: VersionHistory;
  readonly #messages = new Messages();
  readonly #name = h("a", { href: "", class: "above" }, "Workspace");
  readonly #list = h("ol", { class: "rows versions", "aria-label": "Versions", "aria-busy": "true" });
  readonly #more = button("Show older versions", () => void this.#load(), { class: "quiet" });
  #versions: Version[] = [];
  #mayChange = false;

  /** @param path of the file or folder whose versions are shown; "" = all. */
  constructor(app: App, workspace: string, path: string) {
    document.title = "History · Sage Workspaces";
    this.#app = app;
    this.#workspace = workspace;
    this.#path = path;
    this.#history = new VersionHistory(app.site.api, workspace);
    this.#name.setAttribute("href", workspaceAddress(workspace));
    this.#more.hidden = true;
    this.element = h(
      "div",
      { class: "page" },
      topBar(app, h("a", { href: "/", class: "upper" }, "Workspaces"), this.#name),
      h(
        "main",
        { id: "main", class: "narrow history" },
        h("div", { class: "title-row" }, h("h1", {}, path ? `History of ${titleOf(path)}` : "History")),
        this.#about(),
        this.#messages.element,
        this.#list,
        this.#more,
      ),
    );
    void this.#start();
  }

  close(): void {}

  #about(): HTMLElement {
    if (this.#path) {
      return h(
        "p",
        { class: "note" },
        this.#path.endsWith(".ipynb") && [
          h("a", { href: worksheetAddress(this.#workspace, this.#path) }, "To the worksheet"),
          " · ",
        ],
        h("a", { href: historyAddress(this.#workspace) }, "Versions of the whole workspace"),
      );
    }
    return h(
      "p",
      { class: "note" },
      "Every change of a file is kept. ",
      h("a", { href: this.#history.bundleAddress, download: true }, "Download all versions"),
      " as a bundle for ",
      h("code", {}, "git clone"),
      ".",
    );
  }

  async #start(): Promise<void> {
    try {
      const { name, role } = await this.#app.site.api.workspaces.get(this.#workspace);
      this.#name.textContent = name;
      document.title = `History of ${this.#path ? titleOf(this.#path) : name} · Sage Workspaces`;
      this.#mayChange = role !== "reader";
    } catch (error) {
      if (!this.#app.signInFor(error)) this.#messages.error(error);
    }
    await this.#load();
  }

  async #load(): Promise<void> {
    try {
      const skip = this.#versions.length;
      const { versions, more } = await this.#history.versions(skip, PART, this.#path);
      this.#versions.push(...versions);
      this.#more.hidden = !more;
      this.#list.append(...versions.map((version) => this.#row(version)));
      if (this.#versions.length === 0) {
        fill(this.#list, h("li", { class: "note" }, "There is no version yet: nothing was written."));
      }
    } catch (error) {
      if (!this.#app.signInFor(error)) this.#messages.error(error);
    }
    this.#list.removeAttribute("aria-busy");
  }

  async #reload(): Promise<void> {
    this.#versions = [];
    fill(this.#list);
    await this.#load();
  }

  #row(version: Version): HTMLElement {
    const place = h("div", { class: "version-place" });
    const open = button(version.name || title(version), () => this.#toggle(version, open, place), {
      class: "row-name opener",
    });
    open.setAttribute("aria-expanded", "false");
    const when = agoText(version.at * 1000, Date.now());
    const exact = new Date(version.at * 1000).toLocaleString("en-GB");
    const isNewest = version === this.#versions[0] && !this.#path;
    return h(
      "li",
      { class: "row-with-more", "data-version": version.id },
      h(
        "div",
        { class: "row" },
        open,
        h(
          "span",
          { class: "row-about" },
          version.name ? `${title(version)} · ` : "",
          `${version.author} · `,
          h("time", { datetime: new Date(version.at * 1000).toISOString(), title: exact }, when),
        ),
        this.#mayChange && this.#actions(version, isNewest),
      ),
      place,
    );
  }

  #actions(version: Version, isNewest: boolean): HTMLElement {
    const name = version.name || title(version);
    const named = button("Name", () => void this.#giveName(version), { class: "quiet" });
    named.setAttribute("aria-label", `Name the version ${name}`);
    const back = button("Go back", () => void this.#goBack(version), { class: "quiet" });
    back.setAttribute("aria-label", `Go back to the version ${name}`);
    return h("span", { class: "row-actions" }, named, isNewest ? h("span", { class: "now" }, "now") : back);
  }

  #toggle(version: Version, open: HTMLButtonElement, place: HTMLElement): void {
    const opens = open.getAttribute("aria-expanded") === "false";
    open.setAttribute("aria-expanded", String(opens));
    fill(place, opens && new VersionView(this.#history, version, this.#versions).element);
  }

  async #giveName(version: Version): Promise<void> {
    const asked = { title: "Name this version", label: "Name", value: version.name, yes: "Name it" };
    const name = await askText(asked);
    if (!name || name === version.name) return;
    await this.#messages.attempt(() => this.#history.name(version.id, name));
    await this.#reload();
  }

  async #goBack(version: Version): Promise<void> {
    const text =
      "All files and worksheets become what they were in this version, for everybody. " +
      "What is there now stays a version too, so that you can come back to it.";
    if (!(await confirm({ title: "Go back to this version?", text, yes: "Go back" }))) return;
    const made = await this.#messages.attempt(() => this.#history.goBack(version.id));
    if (made === undefined) return;
    await this.#reload();
    this.#messages.show("info", made ? "Everything is as it was in that version." : "Nothing was different.");
  }
}
