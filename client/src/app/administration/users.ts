/** Users: who has an account; making, disabling and enabling accounts, and changing their types. */

import type { PeopleFound, PersonInfo } from "../../lib/administration";
import { h } from "../dom";
import { agoText } from "../output/sizes";
import { askFor, confirm, showSheet } from "../pages/dialogs";
import { toPassOn } from "../pages/fields";
import { button, errorText, message } from "../pages/shell";
import { row, showAgain, state, table } from "./table";
import { whenQuiet } from "./view";
import type { Surroundings, View } from "./view";

const COLUMNS = [
  { title: "Name" },
  { title: "Type" },
  { title: "State" },
  { title: "Workspaces", number: true },
  { title: "Seen" },
  { title: "Actions", hidden: true },
];
const STANDARD = "standard";

export class UsersView implements View {
  readonly controls: HTMLElement;
  readonly shown = h("div", { class: "shown" });
  readonly seconds = 10;
  readonly #around: Surroundings;
  readonly #text = h("input", {
    type: "search",
    "aria-label": "Search for users",
    placeholder: "Search by name",
    autocomplete: "off",
    maxlength: 200,
  });
  readonly #state = h(
    "select",
    { "aria-label": "State of the accounts" },
    h("option", { value: "" }, "All"),
    h("option", { value: "enabled" }, "Enabled"),
    h("option", { value: "disabled" }, "Disabled"),
  );
  #types: readonly string[] = [STANDARD];
  #own = "";

  constructor(around: Surroundings) {
    this.#around = around;
    const search = (): void => void around.reload();
    this.#text.addEventListener("input", whenQuiet(search));
    this.#state.addEventListener("change", search);
    const create = button("New user", () => void this.#create(), { class: "primary", icon: "add" });
    this.controls = h("div", { class: "controls", role: "search" }, this.#text, this.#state, create);
  }

  async load(): Promise<void> {
    const wanted =
      this.#state.value === "enabled" || this.#state.value === "disabled" ? this.#state.value : "";
    const found = await this.#around.administration.people({
      text: this.#text.value,
      state: wanted,
      account_type: "",
    });
    this.#own = (await this.#around.app.account()).id;
    this.#types = found.account_types.includes(STANDARD)
      ? found.account_types
      : [...found.account_types, STANDARD];
    showAgain(this.shown, h("p", { class: "note", role: "status" }, countText(found)), this.#table(found));
  }

  #table(found: PeopleFound): HTMLElement | null {
    if (found.accounts.length === 0) return null;
    return table(
      "Users",
      COLUMNS,
      found.accounts.map((one) => this.#row(one)),
    );
  }

  #row(person: PersonInfo): HTMLElement {
    const names = person.sign_in.filter((name) => name !== person.name.toLowerCase());
    const own = person.id === this.#own;
    const type = button("Change type", () => void this.#changeType(person), { class: "small" });
    const toggle = person.disabled
      ? button("Enable", () => void this.#enable(person), { class: "small" })
      : button("Disable", () => void this.#disable(person), { class: "small" });
    const reset = button("New password", () => void this.#resetPassword(person), { class: "small" });
    reset.dataset["key"] = `reset ${person.id}`;
    reset.setAttribute("aria-label", `New password of ${person.name}`);
    type.dataset["key"] = `type ${person.id}`;
    toggle.dataset["key"] = `disable ${person.id}`;
    type.setAttribute("aria-label", `Change type of ${person.name}`);
    toggle.setAttribute("aria-label", `${person.disabled ? "Enable" : "Disable"} ${person.name}`);
    return row(person.id, COLUMNS, [
      [person.name, names.length > 0 && h("span", { class: "note below" }, names.join(", "))],
      person.account_type,
      person.disabled ? state("bad", "disabled") : state("good", "enabled"),
      person.workspaces,
      person.seen === null ? "never" : agoText(Date.parse(person.seen), Date.now()),
      own
        ? h("span", { class: "note" }, "you")
        : h(
            "span",
            { class: "actions" },
            !person.disabled && person.sign_in.length > 0 && reset,
            type,
            toggle,
          ),
    ]);
  }

  async #create(): Promise<void> {
    const name = field("new-name", { maxlength: 200 });
    const password = field("new-password", { minlength: 8, maxlength: 1024 });
    password.value = newPassword();
    const type = this.#typeSelect("new-type", STANDARD);
    const problem = h("div", {});
    for (;;) {
      const given = await askFor(
        { title: "New user", yes: "Create" },
        problem,
        h("label", { for: name.id }, "Name or e-mail address, for signing in"),
        name,
        h("label", { for: password.id }, "Password (tell it to the person; it is not shown again)"),
        password,
        h("label", { for: type.id }, "Type"),
        type,
      );
      if (!given) return;
      try {
        await this.#around.administration.createAccount(name.value.trim(), password.value, type.value);
        break;
      } catch (error) {
        problem.replaceChildren(message("error", h("span", {}, errorText(error))));
      }
    }
    this.#around.messages.show("info", `${name.value.trim()} can sign in now.`);
    await this.#around.reload();
  }

  async #changeType(person: PersonInfo): Promise<void> {
    const type = this.#typeSelect("type", person.account_type);
    const note = h("p", { class: "note" }, "An operator may administer the site, as you do.");
    const title = `Type of ${person.name}`;
    if (!(await askFor({ title, yes: "Change" }, h("label", { for: type.id }, "Type"), type, note))) return;
    if (type.value === person.account_type) return;
    await this.#change(person, { account_type: type.value });
  }

  async #disable(person: PersonInfo): Promise<void> {
    const text =
      `${person.name} cannot sign in any more, and is signed out everywhere. Workspaces and files are kept; ` +
      "“Enable” undoes it.";
    const yes = { title: `Disable ${person.name}?`, text, yes: "Disable", dangerous: true };
    if (await confirm(yes)) await this.#change(person, { disabled: true });
  }

  async #resetPassword(person: PersonInfo): Promise<void> {
    const made = await this.#around.messages.attempt(() => this.#around.administration.resetLink(person.id));
    if (!made) return;
    await showSheet(
      `New password of ${person.name}`,
      h("p", {}, "Pass this link on. It sets a new password, once; until then the old one stays."),
      toPassOn("Link for a new password", made.link),
      h("p", { class: "note" }, `It is good until ${new Date(made.expires).toLocaleString("en-GB")}.`),
    );
  }

  async #enable(person: PersonInfo): Promise<void> {
    await this.#change(person, { disabled: false });
  }

  async #change(person: PersonInfo, change: { disabled?: boolean; account_type?: string }): Promise<void> {
    await this.#around.messages.attempt(() => this.#around.administration.changeAccount(person.id, change));
    await this.#around.reload();
  }

  #typeSelect(id: string, chosen: string): HTMLSelectElement {
    const options = this.#types.map((type) => h("option", { value: type, selected: type === chosen }, type));
    return h("select", { id }, options);
  }
}

function field(id: string, more: { readonly [name: string]: unknown }): HTMLInputElement {
  return h("input", { type: "text", id, required: true, autocomplete: "off", spellcheck: "false", ...more });
}

/** One that nobody guesses: 96 bits. */
function newPassword(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

/** "3 users", "100 of 2,345 users: search to see others". */
export function countText({ accounts, found }: Pick<PeopleFound, "accounts" | "found">): string {
  if (found === 0) return "Nobody is found.";
  const all = `${found.toLocaleString("en-GB")} ${found === 1 ? "user" : "users"}`;
  return accounts.length < found ? `${accounts.length} of ${all} are shown: search for the others.` : all;
}
