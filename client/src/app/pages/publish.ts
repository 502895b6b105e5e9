/** Publish: which worksheets of a workspace everybody sees, and how. */

import { Publications } from "../../lib/index";
import { titleOf, workspaceAddress } from "../addresses";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import { showSheet } from "./dialogs";
import { choice, form, toPassOn } from "./fields";
import { PublicationList } from "./publicationlist";
import { Messages, topBar } from "./shell";

export class PublishPage implements Page {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #id: string;
  readonly #path: string;
  readonly #publications: Publications;
  readonly #messages = new Messages();
  readonly #list: PublicationList;
  readonly #title = h("h1", {}, "Publish");
  readonly #form = h("div", {});

  /** @param path of the worksheet that is offered first; "" = all. */
  constructor(app: App, id: string, path: string) {
    document.title = "Publish · Sage Workspaces";
    this.#app = app;
    this.#id = id;
    this.#path = path;
    this.#publications = new Publications(app.site.api);
    this.#list = new PublicationList(app, this.#messages, (publications) => publications.ofWorkspace(id));
    const all = h(
      "a",
      { href: "/published/", target: "_blank", rel: "noopener" },
      "Everything that is published here",
    );
    this.element = h(
      "div",
      { class: "page" },
      topBar(app, h("a", { href: workspaceAddress(id) }, "To the workspace")),
      h(
        "main",
        { id: "main", class: "narrow" },
        h("div", { class: "title-row" }, this.#title),
        this.#messages.element,
        this.#form,
        h("section", { class: "share-part" }, h("h2", {}, "Published of this workspace"), this.#list.element),
        h("p", {}, all),
      ),
    );
    void this.#load();
  }

  close(): void {}

  async #load(): Promise<void> {
    try {
      const { api } = this.#app.site;
      const workspace = await api.workspaces.get(this.#id);
      this.#title.textContent = `Publish “${workspace.name}”`;
      if (workspace.role === "owner") {
        const files = await api.files.list(this.#id);
        const paths = files
          .filter(({ kind, path }) => kind === "file" && path.endsWith(".ipynb"))
          .map(({ path }) => path);
        fill(
          this.#form,
          this.#choosing(paths.includes(this.#path) || !this.#path ? paths : [this.#path, ...paths]),
        );
      }
      await this.#list.load();
    } catch (error) {
      if (!this.#app.signInFor(error)) this.#messages.error(error);
    }
  }

  #choosing(paths: readonly string[]): HTMLElement {
    const what = choice(
      "publish-what",
      "What",
      [...paths.map((path) => [path, titleOf(path)] as const), ["", "All worksheets of the workspace"]],
      this.#path,
    );
    const how = choice("publish-how", "Who finds it", [
      ["listed", "Everybody: it is listed"],
      ["secret", "Who has the link"],
    ]);
    const about =
      "Static pages are made of the worksheets as they were saved last: texts, formulas, outputs and plots, " +
      "for everybody, without signing in. Later changes are not shown until you publish again.";
    const send = async (): Promise<void> => {
      const made = await this.#publications.publish(
        this.#id,
        what.select.value,
        how.select.value === "listed",
      );
      await this.#list.load();
      const address = `${location.origin}${made.address}`;
      await showSheet(
        "Published",
        h("p", {}, `“${made.title}” is published at`),
        toPassOn("Address", address),
      );
    };
    return h(
      "section",
      { class: "share-part" },
      h("p", { class: "note" }, about),
      form("Publish", "Publish", send, h("div", { class: "field-row" }, what.row, how.row)),
    );
  }
}
