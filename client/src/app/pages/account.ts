/** Account: what one may use and uses, name, password, API tokens, and the end of the account. */

import { OwnAccount } from "../../lib/index";
import type { AccountState, TokenInfo } from "../../lib/index";
import { usage } from "../administration/table";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import type { Child } from "../dom";
import { agoText, bytesText } from "../output/sizes";
import { askFor, showSheet } from "./dialogs";
import { choice, field, form, newPassword, toPassOn } from "./fields";
import { PublicationList } from "./publicationlist";
import { button, errorText, message, Messages, topBar } from "./shell";

export class AccountPage implements Page {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #account: OwnAccount;
  readonly #messages = new Messages();
  readonly #content = h("div", { "aria-busy": "true" });
  readonly #published: PublicationList;
  readonly #tokens = h("div", {});

  constructor(app: App) {
    document.title = "Account · Sage Workspaces";
    this.#app = app;
    this.#account = new OwnAccount(app.site.api);
    this.#published = new PublicationList(app, this.#messages, (publications) => publications.own());
    this.element = h(
      "div",
      { class: "page" },
      topBar(app, h("a", { href: "/" }, "Workspaces")),
      h(
        "main",
        { id: "main", class: "narrow" },
        h(
          "div",
          { class: "title-row" },
          h("h1", {}, "Account"),
          button("Sign out", () => void app.signOut()),
        ),
        this.#messages.element,
        this.#content,
      ),
    );
    void this.#load();
  }

  close(): void {}

  async #load(): Promise<void> {
    try {
      const state = await this.#account.show();
      fill(
        this.#content,
        part("You", this.#who(state)),
        part("What you may use", limits(state)),
        state.has_password && part("Password", this.#password()),
        part("Published", this.#published.element),
        part("API tokens", this.#tokenForm(), this.#tokens),
        state.has_password && part("Delete the account", this.#ending(state)),
      );
      await Promise.all([this.#loadTokens(), this.#published.load()]);
    } catch (error) {
      if (!this.#app.signInFor(error)) this.#messages.error(error);
    }
    this.#content.removeAttribute("aria-busy");
  }

  #who(state: AccountState): HTMLElement {
    const name = field("Your name, as others see it", { id: "own-name", required: true });
    name.input.value = state.account.name;
    const send = async (): Promise<void> => {
      const { name: now } = await this.#account.rename(name.input.value.trim());
      this.#messages.show("info", `Others see ${now} from now on.`);
    };
    const signIn =
      state.sign_in.length > 0 && h("p", { class: "note" }, `You sign in as ${state.sign_in.join(", ")}.`);
    return h("div", {}, signIn, form("Your name", "Change the name", send, name.row));
  }

  #password(): HTMLElement {
    const old = field("Password now", {
      id: "old-password",
      type: "password",
      required: true,
      autocomplete: "current-password",
      maxlength: 1024,
    });
    const next = newPassword("new-password");
    const made = form(
      "Change the password",
      "Change the password",
      async () => {
        await this.#account.changePassword(old.input.value, next.input.value);
        made.reset();
        this.#messages.show("info", "The password is changed. Every other browser has to sign in again.");
      },
      old.row,
      next.row,
    );
    return made;
  }

  // --- tokens

  #tokenForm(): HTMLElement {
    const name = field("What it is for", { id: "token-name", required: true });
    const days = choice("token-days", "Good for", [
      ["30", "30 days"],
      ["365", "a year"],
      ["", "ever, until it is revoked"],
    ]);
    const send = async (): Promise<void> => {
      const { secret } = await this.#account.makeToken(
        name.input.value.trim(),
        days.select.value ? Number(days.select.value) : null,
      );
      name.input.value = "";
      await showSheet(
        "New token",
        h(
          "p",
          {},
          "A program sends it as ",
          h("code", {}, "Authorization: Bearer …"),
          ". Whoever has it may do what you may.",
        ),
        toPassOn("Token", secret),
        h("p", { class: "note" }, "It is shown this once."),
      );
      await this.#loadTokens();
    };
    const about = h("p", { class: "note" }, "With a token, programs do what you may do.");
    return h(
      "div",
      {},
      about,
      form("Make a token", "Make a token", send, h("div", { class: "field-row" }, name.row, days.row)),
    );
  }

  async #loadTokens(): Promise<void> {
    const tokens = await this.#account.tokens();
    const rows = tokens.map((token) => this.#token(token));
    fill(this.#tokens, rows.length > 0 && h("ul", { class: "rows", "aria-label": "API tokens" }, rows));
  }

  #token(token: TokenInfo): HTMLElement {
    const about = [
      token.last_used ? `used ${agoText(Date.parse(token.last_used), Date.now())}` : "never used",
      token.expires ? `until ${dayText(token.expires)}` : "",
    ];
    const revoke = button("Revoke", () => void this.#revoke(token), { class: "small" });
    revoke.setAttribute("aria-label", `Revoke ${token.name}`);
    return h(
      "li",
      { class: "row", "data-token": token.id },
      h("span", { class: "row-name plain" }, token.name),
      h("span", { class: "row-about" }, about.filter(Boolean).join(" · ")),
      h("span", { class: "row-actions" }, revoke),
    );
  }

  async #revoke(token: TokenInfo): Promise<void> {
    await this.#messages.attempt(async () => {
      await this.#account.revokeToken(token.id);
      await this.#loadTokens();
    });
  }

  // --- the end

  #ending(state: AccountState): HTMLElement {
    const about =
      "Your workspaces, their files and what you published are deleted with it. This cannot be undone.";
    const start = button("Delete my account …", () => void this.#end(state), { class: "danger" });
    return h("div", {}, h("p", { class: "note" }, about), start);
  }

  async #end(state: AccountState): Promise<void> {
    const choices = state.shared.map((one) => ({
      id: one.id,
      ...choice(`give-${one.id}`, `“${one.name}”, which others share`, [
        ["?", "Choose …"],
        ...one.others.map(({ account, name }) => [account, `goes to ${name}`] as const),
        ["", "is deleted"],
      ]),
    }));
    for (const { select } of choices) {
      const check = (): void =>
        select.setCustomValidity(select.value === "?" ? "Choose what becomes of it." : "");
      select.addEventListener("change", check);
      check();
    }
    const password = field("Your password", {
      id: "end-password",
      type: "password",
      required: true,
      autocomplete: "current-password",
      maxlength: 1024,
    });
    const problem = h("div", { "aria-live": "assertive" });
    for (;;) {
      const given = await askFor(
        { title: "Delete your account?", yes: "Delete everything", dangerous: true },
        problem,
        h("p", {}, "Everything that is yours here will be gone for good."),
        choices.map(({ row }) => row),
        password.row,
      );
      if (!given) return;
      try {
        const told = Object.fromEntries(choices.map(({ id, select }) => [id, select.value || null]));
        await this.#account.delete(password.input.value, told);
        this.#app.site.close();
        return location.assign("/sign-in");
      } catch (error) {
        problem.replaceChildren(message("error", h("span", {}, errorText(error))));
      }
    }
  }
}

function part(title: string, ...content: Child[]): HTMLElement {
  return h("section", { class: "share-part" }, h("h2", {}, title), content);
}

/** The limits, those of which something is used first. */
function limits(state: AccountState): HTMLElement {
  const { limits: of } = state;
  const rows: [string, Child][] = [
    ["Workspaces", used(state.workspaces, of.workspaces)],
    [
      "Sessions at once",
      state.sessions === null ? upTo(of.sessions, String) : used(state.sessions, of.sessions),
    ],
    ["Collaborators of a workspace", used(state.collaborators, of.collaborators)],
    ["Files of a workspace", upTo(of.disk_bytes, bytesText)],
    ["Number of its files", upTo(of.disk_files, (count) => count.toLocaleString("en-GB"))],
    ["Largest file", upTo(of.file_size_bytes, bytesText)],
    ["Memory of a session", upTo(of.memory_bytes, bytesText)],
    ["Computing time of a session", upTo(of.cpu_seconds, timeText)],
    ["Life of a session", upTo(of.wall_seconds, timeText)],
    ["A session ends when idle for", upTo(of.idle_seconds, timeText)],
    ["Processes of a session", upTo(of.processes, String)],
    ["Output of a cell", upTo(of.output_bytes, bytesText)],
    [
      "Published pages",
      of.may_publish ? used(state.published_bytes, of.published_bytes, bytesText) : "not allowed",
    ],
  ];
  const items = rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  return h(
    "div",
    {},
    h("p", { class: "note" }, `Your account is of the type ${state.account.account_type}.`),
    h("dl", { class: "limits" }, items),
  );
}

function used(count: number, limit: number, text: (value: number) => string = String): Child {
  return limit ? usage(count, limit, `${text(count)} of ${text(limit)}`) : `${text(count)}, without limit`;
}

function upTo(limit: number, text: (value: number) => string): string {
  return limit ? text(limit) : "without limit";
}

/** "90 s", "24 h", "7 days". */
export function timeText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

function dayText(moment: string): string {
  return new Date(moment).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}
