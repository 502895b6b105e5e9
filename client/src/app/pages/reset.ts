/** Reset: sets a new password by the link that the operator or a mail gave; without one, has such a mail sent. */

import { Joining } from "../../lib/index";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import { field, form, newPassword } from "./fields";

export class ResetPage implements Page {
  readonly element: HTMLElement;
  readonly #joining: Joining;
  readonly #content = h("div", {});

  constructor(app: App, secret: string) {
    document.title = "New password · Sage Workspaces";
    this.#joining = new Joining(app.site.api);
    fill(this.#content, secret ? this.#set(secret) : this.#ask());
    this.element = h("main", { id: "main", class: "sign-in" }, h("h1", {}, "New password"), this.#content);
  }

  close(): void {}

  #set(secret: string): HTMLElement {
    const password = newPassword("reset-password");
    const send = async (): Promise<void> => {
      await this.#joining.resetPassword(secret, password.input.value);
      // The secret is worth nothing now; it need not stay in the address.
      history.replaceState(null, "", "/reset");
      this.#say("The new password is set. Whoever was signed in has to sign in again.");
    };
    return form("Set a new password", "Set the password", send, password.row);
  }

  #ask(): HTMLElement {
    const address = field("Mail address by which you sign in", {
      id: "reset-address",
      type: "email",
      required: true,
      autocomplete: "username",
    });
    const send = async (): Promise<void> => {
      await this.#joining.forgot(address.input.value.trim());
      this.#say("If somebody signs in here by that address, a link for a new password is on its way to it.");
    };
    return form("Ask for a new password", "Send me a link", send, address.row);
  }

  #say(text: string): void {
    const link = h("p", {}, h("a", { href: "/sign-in" }, "Sign in"));
    fill(this.#content, h("p", { role: "status" }, text), link);
    link.querySelector("a")?.focus();
  }
}
