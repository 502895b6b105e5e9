/** Share: who has access to a workspace, invitations to it, leaving it and giving it away. */

import { Sharing } from "../../lib/index";
import type { InvitationInfo, MadeInvitation, Me, Member, Role, WorkspaceInfo } from "../../lib/index";
import { workspaceAddress } from "../addresses";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import { agoText } from "../output/sizes";
import { confirm, showSheet } from "./dialogs";
import { choice, field, form, toPassOn } from "./fields";
import { button, Messages, topBar } from "./shell";

const ROLES: readonly (readonly [Role, string])[] = [
  ["reader", "Reader: sees everything"],
  ["collaborator", "Collaborator: edits and runs"],
  ["owner", "Owner: may also share and delete it"],
];
const SHORT: { readonly [role in Role]: string } = {
  reader: "Reader",
  collaborator: "Collaborator",
  owner: "Owner",
};

export class SharePage implements Page {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #id: string;
  readonly #sharing: Sharing;
  readonly #messages = new Messages();
  readonly #title = h("h1", {}, "Share");
  readonly #content = h("div", { "aria-busy": "true" });

  constructor(app: App, id: string) {
    document.title = "Share · Sage Workspaces";
    this.#app = app;
    this.#id = id;
    this.#sharing = new Sharing(app.site.api, id);
    this.element = h(
      "div",
      { class: "page" },
      topBar(app, h("a", { href: workspaceAddress(id) }, "To the workspace")),
      h(
        "main",
        { id: "main", class: "narrow" },
        h("div", { class: "title-row" }, this.#title),
        this.#messages.element,
        this.#content,
      ),
    );
    void this.#load();
  }

  close(): void {}

  async #load(): Promise<void> {
    try {
      const [me, workspace, members] = await Promise.all([
        this.#app.account(),
        this.#app.site.api.workspaces.get(this.#id),
        this.#sharing.members(),
      ]);
      const invitations = workspace.role === "owner" ? await this.#sharing.invitations() : [];
      this.#show(me, workspace, members, invitations);
    } catch (error) {
      if (!this.#app.signInFor(error)) {
        fill(this.#content);
        this.#messages.error(error);
      }
    }
    this.#content.removeAttribute("aria-busy");
  }

  #show(me: Me, workspace: WorkspaceInfo, members: readonly Member[], open: readonly InvitationInfo[]): void {
    document.title = `Share ${workspace.name} · Sage Workspaces`;
    this.#title.textContent = `Share “${workspace.name}”`;
    const owner = workspace.role === "owner";
    const sorted = [...members].sort(
      (one, other) => Number(other.account === workspace.owner) - Number(one.account === workspace.owner),
    );
    fill(
      this.#content,
      owner && this.#adding(),
      h(
        "section",
        { class: "share-part" },
        h("h2", { id: "people" }, "People with access"),
        h(
          "ul",
          { class: "rows", "aria-labelledby": "people" },
          sorted.map((one) => this.#member(one, me, workspace)),
        ),
      ),
      owner && this.#links(open),
      this.#end(me, workspace, members),
    );
  }

  // --- adding people

  #adding(): HTMLElement {
    const name = field("Name or mail address", {
      id: "share-name",
      required: true,
      autocapitalize: "off",
      spellcheck: "false",
    });
    const role = choice("share-role", "Role", ROLES, "collaborator");
    const send = async (): Promise<void> => {
      const given = name.input.value.trim();
      const { member, invited } = await this.#sharing.add(given, role.select.value as Role);
      name.input.value = "";
      if (invited) await showLink(invited);
      if (member) this.#messages.show("info", `${member.name} is ${SHORT[member.role].toLowerCase()} now.`);
      await this.#load();
    };
    const row = h("div", { class: "field-row" }, name.row, role.row);
    return h("section", { class: "share-part" }, form("Share with somebody", "Share", send, row));
  }

  // --- those who are there

  #member(member: Member, me: Me, workspace: WorkspaceInfo): HTMLElement {
    const mine = member.account === me.id;
    const main = member.account === workspace.owner;
    const name = h(
      "span",
      { class: "row-name plain" },
      member.name,
      mine && h("span", { class: "note" }, " (you)"),
    );
    const fixed = main || mine || workspace.role !== "owner";
    const role = fixed
      ? h("span", { class: "row-about" }, main ? "Owner, whose workspace it is" : SHORT[member.role])
      : this.#roleOf(member);
    const remove = button(`Remove ${member.name}`, () => void this.#remove(member), {
      icon: "delete",
      iconOnly: true,
      class: "quiet",
    });
    const actions = h("span", { class: "row-actions" }, role, !fixed && remove);
    return h("li", { class: "row member", "data-account": member.account }, name, actions);
  }

  #roleOf(member: Member): HTMLElement {
    const options = ROLES.map(([role]) =>
      h("option", { value: role, selected: role === member.role }, SHORT[role]),
    );
    const select = h("select", { "aria-label": `Role of ${member.name}` }, options);
    select.addEventListener("change", () => void this.#change(member, select.value as Role));
    return select;
  }

  async #change(member: Member, role: Role): Promise<void> {
    const done = await this.#messages.attempt(async () => {
      await this.#sharing.change(member.account, role);
      return true;
    });
    if (done) this.#messages.show("info", `${member.name} is ${SHORT[role].toLowerCase()} now.`);
    await this.#load();
  }

  async #remove(member: Member): Promise<void> {
    const text = `${member.name} will not see “${this.#title.textContent?.slice(7, -1)}” any more, also in pages that are open.`;
    if (!(await confirm({ title: `Remove ${member.name}?`, text, yes: "Remove", dangerous: true }))) return;
    await this.#messages.attempt(() => this.#sharing.change(member.account, null));
    await this.#load();
  }

  // --- invitations

  #links(open: readonly InvitationInfo[]): HTMLElement {
    const role = choice("link-role", "Role", ROLES.slice(0, 2), "reader");
    const uses = choice("link-uses", "Good for", [
      ["1", "one person"],
      ["30", "30 people"],
      ["", "any number of people"],
    ]);
    const make = async (): Promise<void> => {
      const many = uses.select.value;
      const asked = {
        role: role.select.value as "reader" | "collaborator",
        uses: many ? Number(many) : null,
      };
      await showLink(await this.#sharing.invite(asked));
      await this.#load();
    };
    const row = h("div", { class: "field-row" }, role.row, uses.row);
    const list = h(
      "ul",
      { class: "rows", "aria-label": "Open invitations" },
      open.map((one) => this.#invitation(one)),
    );
    return h(
      "section",
      { class: "share-part" },
      h("h2", {}, "Invitation links"),
      h("p", { class: "note" }, "Whoever opens the link gets the role, after signing in."),
      form("Make an invitation link", "Make a link", make, row),
      open.length > 0 && list,
    );
  }

  #invitation(invitation: InvitationInfo): HTMLElement {
    const left = invitation.uses_left;
    const about = [
      invitation.role ? SHORT[invitation.role] : "",
      left === null ? "any number of people" : left === 1 ? "one person" : `${left} people`,
      `until ${new Date(invitation.expires).toLocaleDateString("en-GB", { day: "numeric", month: "short" })}`,
    ];
    const name = invitation.address || "Link";
    const made = agoText(Date.parse(invitation.created), Date.now());
    const back = button("Take back", () => void this.#takeBack(invitation), { class: "small" });
    back.setAttribute("aria-label", `Take back the invitation ${invitation.address || `made ${made}`}`);
    return h(
      "li",
      { class: "row", "data-invitation": invitation.id },
      h("span", { class: "row-name plain" }, name),
      h("span", { class: "row-about" }, about.filter(Boolean).join(" · ")),
      h("span", { class: "row-actions" }, back),
    );
  }

  async #takeBack(invitation: InvitationInfo): Promise<void> {
    await this.#messages.attempt(() => this.#sharing.takeBack(invitation.id));
    await this.#load();
  }

  // --- leaving, giving away

  #end(me: Me, workspace: WorkspaceInfo, members: readonly Member[]): HTMLElement | null {
    if (workspace.owner !== me.id) {
      const leave = button("Leave this workspace", () => void this.#leave(workspace));
      return h("section", { class: "share-part" }, leave);
    }
    const others = members.filter(({ account }) => account !== me.id);
    if (others.length === 0) return null;
    const to = choice(
      "new-owner",
      "New owner",
      others.map(({ account, name }) => [account, name] as const),
    );
    const give = async (): Promise<void> => {
      const name = to.select.selectedOptions[0]?.textContent ?? "";
      const text = `“${workspace.name}” will be ${name}'s, who may remove you. You stay a collaborator.`;
      if (!(await confirm({ title: `Give it to ${name}?`, text, yes: "Give it away", dangerous: true })))
        return;
      await this.#sharing.transfer(to.select.value);
      this.#messages.show("info", `${name} is the owner now.`);
      await this.#load();
    };
    return h(
      "section",
      { class: "share-part" },
      h("h2", {}, "Give it away"),
      form("Give the workspace away", "Give it away", give, to.row),
    );
  }

  async #leave(workspace: WorkspaceInfo): Promise<void> {
    const text = `You will not see “${workspace.name}” any more, unless you are invited again.`;
    if (!(await confirm({ title: "Leave the workspace?", text, yes: "Leave", dangerous: true }))) return;
    const left = await this.#messages.attempt(async () => {
      await this.#sharing.leave();
      return true;
    });
    if (left) this.#app.navigate("/");
  }
}

async function showLink(made: MadeInvitation): Promise<void> {
  const { address } = made.invitation;
  const text = made.mailed
    ? `The link was sent to ${address}. You can pass it on yourself, too:`
    : address
      ? `Nobody is known here as ${address} yet. Pass this link on to them:`
      : "Pass this link on:";
  await showSheet(
    "Invitation",
    h("p", {}, text),
    toPassOn("Link of the invitation", made.link),
    h("p", { class: "note" }, "It is shown this once."),
  );
}
