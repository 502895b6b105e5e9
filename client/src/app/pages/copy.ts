/** Copy: takes the worksheets of a publication into a workspace of one's own. */

import { Publications } from "../../lib/index";
import { workspaceAddress } from "../addresses";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import { field, form } from "./fields";
import { errorText, message, topBar } from "./shell";

export class CopyPage implements Page {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #id: string;
  readonly #publications: Publications;
  readonly #content = h("div", { "aria-busy": "true" });

  constructor(app: App, id: string) {
    document.title = "Copy · Sage Workspaces";
    this.#app = app;
    this.#id = id;
    this.#publications = new Publications(app.site.api);
    this.element = h(
      "div",
      { class: "page" },
      topBar(app, h("a", { href: "/" }, "Workspaces")),
      h(
        "main",
        { id: "main", class: "narrow" },
        h("div", { class: "title-row" }, h("h1", {}, "Copy to my workspaces")),
        this.#content,
      ),
    );
    void this.#load();
  }

  close(): void {}

  async #load(): Promise<void> {
    try {
      await this.#app.account();
      const publication = await this.#publications.get(this.#id);
      const name = field("Name of the new workspace", { id: "copy-name", required: true });
      name.input.value = publication.title;
      const send = async (): Promise<void> => {
        const made = await this.#publications.copy(this.#id, name.input.value.trim());
        this.#app.navigate(workspaceAddress(made.id), { replace: true });
      };
      const what = h(
        "p",
        {},
        h("a", { href: publication.address, target: "_blank", rel: "noopener" }, publication.title),
        ` by ${publication.author} is copied into a workspace of your own, where you can run and change it.`,
      );
      fill(this.#content, what, form("Copy", "Copy", send, name.row));
    } catch (error) {
      if (!this.#app.signInFor(error)) fill(this.#content, message("error", h("span", {}, errorText(error))));
    }
    this.#content.removeAttribute("aria-busy");
  }
}
