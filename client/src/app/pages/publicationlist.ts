/** PublicationList: publications as rows, with what their author does to them. */

import { Publications } from "../../lib/index";
import type { PublicationInfo } from "../../lib/index";
import type { App } from "../app";
import { fill, h } from "../dom";
import { agoText } from "../output/sizes";
import { confirm } from "./dialogs";
import { button } from "./shell";
import type { Messages } from "./shell";

export class PublicationList {
  readonly element = h("div", {});
  readonly #publications: Publications;
  readonly #messages: Messages;
  readonly #load: () => Promise<PublicationInfo[]>;

  constructor(
    app: App,
    messages: Messages,
    load: (publications: Publications) => Promise<PublicationInfo[]>,
  ) {
    this.#publications = new Publications(app.site.api);
    this.#messages = messages;
    this.#load = () => load(this.#publications);
  }

  /** Asks the site and shows the answer. */
  async load(): Promise<void> {
    const found = await this.#load();
    const none = h("p", { class: "note" }, "Nothing is published.");
    const rows = found.map((one) => this.#row(one));
    fill(this.element, rows.length > 0 ? h("ul", { class: "rows", "aria-label": "Published" }, rows) : none);
  }

  #row(one: PublicationInfo): HTMLElement {
    const { title } = one;
    const about = [
      one.path || "all worksheets",
      `version ${one.version}`,
      one.withdrawn ? "withdrawn" : one.listed ? "listed" : "by link only",
      `changed ${agoText(Date.parse(one.changed), Date.now())}`,
    ];
    const name = one.withdrawn
      ? h("span", { class: "row-name plain" }, title)
      : h("a", { class: "row-name", href: one.address, target: "_blank", rel: "noopener" }, title);
    return h(
      "li",
      { class: "row published-row", "data-publication": one.id },
      name,
      h("span", { class: "row-about" }, about.join(" · ")),
      h(
        "span",
        { class: "row-actions" },
        one.workspace !== null &&
          this.#button("Publish again", title, () => this.#publications.publishAgain(one.id)),
        !one.withdrawn &&
          this.#button(one.listed ? "Do not list" : "List", title, () =>
            this.#publications.change(one.id, { listed: !one.listed }),
          ),
        this.#button(one.withdrawn ? "Show again" : "Withdraw", title, () =>
          this.#publications.change(one.id, { withdrawn: !one.withdrawn }),
        ),
        this.#button("Delete", title, () => this.#delete(one)),
      ),
    );
  }

  #button(text: string, title: string, action: () => Promise<unknown>): HTMLButtonElement {
    const made = button(text, () => void this.#do(made, action), { class: "small" });
    made.setAttribute("aria-label", `${text}: ${title}`);
    return made;
  }

  async #do(pressed: HTMLButtonElement, action: () => Promise<unknown>): Promise<void> {
    pressed.disabled = true;
    await this.#messages.attempt(async () => {
      await action();
      await this.load();
    });
    pressed.disabled = false;
  }

  async #delete(one: PublicationInfo): Promise<void> {
    const text = `“${one.title}” with all its versions will be gone. “Withdraw” hides it and keeps it.`;
    if (await confirm({ title: "Delete the publication?", text, yes: "Delete", dangerous: true }))
      await this.#publications.delete(one.id);
  }
}
