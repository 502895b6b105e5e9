/** Sign up: somebody new makes an account. */

import { Joining } from "../../lib/index";
import type { WorkspaceInfo } from "../../lib/index";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import { field, form, newPassword } from "./fields";
import { errorText, message } from "./shell";

interface Purpose {
  /** What stands behind the # of an invitation, or "". */
  readonly invitation: string;
  /** For whom the invitation is. */
  readonly address?: string;
  readonly done: (workspace: WorkspaceInfo | null) => void;
}

/** The form by which somebody makes an account. */
export function signUpForm(joining: Joining, purpose: Purpose): HTMLFormElement {
  const signIn = field("Name or mail address, for signing in", {
    id: "sign-up-name",
    required: true,
    autocomplete: "username",
    autocapitalize: "off",
    spellcheck: "false",
  });
  signIn.input.value = purpose.address ?? "";
  const name = field("Your name, as others see it", { id: "sign-up-shown", autocomplete: "name" });
  const password = newPassword("sign-up-password", "Password");
  const send = async (): Promise<void> => {
    const { workspace } = await joining.signUp({
      sign_in: signIn.input.value.trim(),
      name: name.input.value.trim(),
      password: password.input.value,
      invitation: purpose.invitation,
    });
    purpose.done(workspace);
  };
  return form("Make an account", "Make an account", send, signIn.row, name.row, password.row);
}

export class SignUpPage implements Page {
  readonly element: HTMLElement;
  readonly #content = h("div", { "aria-busy": "true" });

  constructor(app: App) {
    document.title = "Make an account · Sage Workspaces";
    this.element = h("main", { id: "main", class: "sign-in" }, h("h1", {}, "Make an account"), this.#content);
    void this.#load(new Joining(app.site.api));
  }

  close(): void {}

  async #load(joining: Joining): Promise<void> {
    const back = h("p", { class: "note" }, h("a", { href: "/sign-in" }, "Sign in"), " where you have one.");
    try {
      const { sign_up } = await joining.state();
      if (sign_up === "open")
        fill(this.#content, back, signUpForm(joining, { invitation: "", done: () => location.assign("/") }));
      else {
        const text =
          sign_up === "invitation"
            ? "An account here needs an invitation: open the link of yours."
            : "Accounts here are made by the site's operator.";
        fill(this.#content, h("p", {}, text), back);
      }
    } catch (error) {
      fill(this.#content, message("error", h("span", {}, errorText(error))), back);
    }
    this.#content.removeAttribute("aria-busy");
  }
}
