/** The administrator's page: how the site is, who uses it, what runs, what was logged. */

import { Administration } from "../../lib/administration";
import { ADMINISTRATION_VIEWS, administrationAddress } from "../addresses";
import type { AdministrationView } from "../addresses";
import { Freshness } from "../administration/freshness";
import { LogView } from "../administration/log";
import { Overview } from "../administration/overview";
import { SessionsView } from "../administration/sessions";
import { UsersView } from "../administration/users";
import type { View } from "../administration/view";
import type { App, Page } from "../app";
import { h } from "../dom";
import { errorText, Messages, topBar } from "./shell";

const TITLES = { overview: "Overview", users: "Users", sessions: "Sessions", log: "Log" } as const;

export class AdministrationPage implements Page {
  readonly element: HTMLElement;
  readonly #view: View;
  readonly #freshness: Freshness;

  constructor(app: App, name: AdministrationView) {
    document.title = `${TITLES[name]} · Administration · Sage Workspaces`;
    const messages = new Messages();
    const administration = new Administration(app.site.api);
    const view = makeView(name, { app, administration, messages, reload: () => this.#freshness.now() });
    this.#view = view;
    this.#freshness = new Freshness({
      seconds: view.seconds,
      load: () => view.load(),
      shown: view.shown,
      said: (error) => (app.signInFor(error) ? "" : errorText(error)),
    });
    const views = ADMINISTRATION_VIEWS.map((one) =>
      h(
        "a",
        { href: administrationAddress(one), "aria-current": one === name ? "page" : undefined },
        TITLES[one],
      ),
    );
    this.element = h(
      "div",
      { class: "page" },
      topBar(app, h("a", { href: "/" }, "Workspaces")),
      h(
        "main",
        { id: "main", class: "administration" },
        h("div", { class: "title-row" }, h("h1", {}, "Administration"), this.#freshness.element),
        h("nav", { class: "views", "aria-label": "Administration" }, views),
        messages.element,
        view.controls,
        view.shown,
      ),
    );
  }

  close(): void {
    this.#freshness.close();
    this.#view.close?.();
  }
}

function makeView(name: AdministrationView, surroundings: ConstructorParameters<typeof Overview>[0]): View {
  switch (name) {
    case "overview":
      return new Overview(surroundings);
    case "users":
      return new UsersView(surroundings);
    case "sessions":
      return new SessionsView(surroundings);
    case "log":
      return new LogView(surroundings);
  }
}
