/** Join: the page of an invitation's link. Who is not signed in signs in first, or signs up where that is possible. */

import { Joining } from "../../lib/index";
import type { InvitationShown, Me } from "../../lib/index";
import { workspaceAddress } from "../addresses";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import { button, errorText, message, Messages } from "./shell";
import { signUpForm } from "./signup";

const MAY: { readonly [role: string]: string } = {
  reader: "You will see everything in it, and change nothing.",
  collaborator: "You will edit its worksheets and run them, with the others.",
  owner: "It will be yours as much as theirs.",
};

export class JoinPage implements Page {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #secret: string;
  readonly #joining: Joining;
  readonly #messages = new Messages();
  readonly #content = h("div", { "aria-busy": "true" });

  constructor(app: App, secret: string) {
    document.title = "Invitation · Sage Workspaces";
    this.#app = app;
    this.#secret = secret;
    this.#joining = new Joining(app.site.api);
    this.element = h(
      "main",
      { id: "main", class: "sign-in" },
      h("h1", {}, "Invitation"),
      this.#messages.element,
      this.#content,
    );
    void this.#load();
  }

  close(): void {}

  async #load(): Promise<void> {
    try {
      const [shown, me] = await Promise.all([this.#joining.look(this.#secret), this.#me()]);
      fill(this.#content, this.#what(shown), me ? this.#accept(me, shown) : await this.#comeIn(shown));
    } catch (error) {
      fill(
        this.#content,
        message("error", h("span", {}, errorText(error))),
        h("p", {}, h("a", { href: "/" }, "To the workspaces")),
      );
    }
    this.#content.removeAttribute("aria-busy");
  }

  #what({ workspace, role, invited_by }: InvitationShown): HTMLElement {
    if (!workspace) return h("p", {}, "You are invited to make an account here.");
    const who = h("strong", {}, invited_by || "Somebody");
    return h(
      "p",
      {},
      who,
      " shares the workspace ",
      h("strong", {}, workspace),
      " with you. ",
      MAY[role ?? ""] ?? "",
    );
  }

  #accept(me: Me, shown: InvitationShown): HTMLElement {
    if (!shown.workspace)
      return h(
        "p",
        {},
        `You are signed in as ${me.name} already. `,
        h("a", { href: "/" }, "To the workspaces"),
      );
    const accept = button("Accept", () => void this.#accepted(), { class: "primary large" });
    return h("div", {}, h("p", { class: "note" }, `You are signed in as ${me.name}.`), accept);
  }

  async #accepted(): Promise<void> {
    const workspace = await this.#messages.attempt(() => this.#joining.accept(this.#secret));
    if (workspace) this.#app.navigate(workspaceAddress(workspace.id), { replace: true });
  }

  async #comeIn(shown: InvitationShown): Promise<HTMLElement> {
    const { sign_up } = await this.#joining.state();
    // The secret stays behind the #: browsers send that to no server.
    const signIn = h("a", { href: `/sign-in?next=/join#${this.#secret}` }, "Sign in");
    if (sign_up === "closed") return h("p", {}, signIn, " to accept.");
    const form = signUpForm(this.#joining, {
      invitation: this.#secret,
      address: shown.address,
      done: (workspace) => location.assign(workspace ? workspaceAddress(workspace.id) : "/"),
    });
    return h("div", {}, h("p", {}, signIn, ", if you have an account here. If not, make one:"), form);
  }

  async #me(): Promise<Me | null> {
    try {
      return await this.#app.site.api.me();
    } catch {
      // Nobody is signed in, or nobody knows: then signing in says what is wrong.
      return null;
    }
  }
}
