/** The sign-in page. A sign-in address with a token never shows it: the server leads on from there. */

import { ApiError, Joining } from "../../lib/index";
import type { App, Page } from "../app";
import { h } from "../dom";
import { errorText, message } from "./shell";

/** What the server says in the address where a token was no good. */
const FAILED: { readonly [code: string]: string } = {
  not_signed_in:
    "This sign-in address is not valid any more. Open the address that `sagews run` printed last, or sign in by name.",
  over_limit: "There were too many attempts. Wait a minute, then try again.",
};

export class SignInPage implements Page {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #next: string;
  readonly #messages = h("div", { "aria-live": "assertive", "data-testid": "messages" });
  readonly #name = h("input", {
    id: "name",
    name: "name",
    autocomplete: "username",
    required: true,
    autofocus: true,
  });
  readonly #password = h("input", {
    id: "password",
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
  });
  /** What else one can do here than sign in. */
  readonly #ways = h("p", { class: "note", hidden: true });
  readonly #submit = h("button", { type: "submit", class: "primary" }, "Sign in");

  constructor(app: App, place: { readonly next: string; readonly failed: string }) {
    document.title = "Sign in · Sage Workspaces";
    this.#app = app;
    this.#next = place.next;
    const form = h(
      "form",
      { class: "sign-in-form", onsubmit: (event: SubmitEvent) => void this.#signIn(event) },
      h("label", { for: "name" }, "Name"),
      this.#name,
      h("label", { for: "password" }, "Password"),
      this.#password,
      this.#submit,
    );
    this.element = h(
      "main",
      { id: "main", class: "sign-in" },
      h("h1", {}, "Sage Workspaces"),
      h("p", { class: "note" }, "Sign in to go on."),
      this.#messages,
      form,
      this.#ways,
      h(
        "p",
        { class: "note" },
        "On your own machine, open the address that ",
        h("code", {}, "sagews run"),
        " printed.",
      ),
    );
    void this.#showWays(new Joining(app.site.api));
    if (place.failed) this.#say(FAILED[place.failed] ?? "Signing in did not work. Try again.");
  }

  close(): void {}

  async #signIn(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    this.#messages.replaceChildren();
    this.#submit.disabled = true;
    try {
      await this.#app.site.api.signIn(this.#name.value, this.#password.value);
      location.assign(this.#next);
    } catch (error) {
      this.#say(errorText(error));
      this.#submit.disabled = false;
      this.#password.select();
    }
  }

  async #showWays(joining: Joining): Promise<void> {
    try {
      const { sign_up, mail } = await joining.state();
      if (sign_up === "open") this.#ways.append(h("a", { href: "/sign-up" }, "Make an account"));
      if (sign_up === "open" && mail) this.#ways.append(" · ");
      if (mail) this.#ways.append(h("a", { href: "/reset" }, "I forgot my password"));
      this.#ways.hidden = !this.#ways.hasChildNodes();
    } catch (error) {
      // Signing in says what is wrong.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  #say(text: string): void {
    this.#messages.replaceChildren(message("error", text));
  }
}
