/** Sharing: who has which role in a workspace, invitations, and joining a site. */

import type { Account, Api, WorkspaceInfo } from "./api";
import type { Role } from "./messages";

/** An account and its role in a workspace. */
export interface Member {
  readonly account: string;
  readonly name: string;
  readonly role: Role;
}

/** An invitation, without its link. */
export interface InvitationInfo {
  readonly id: string;
  /** null = to the site only. */
  readonly role: Role | null;
  /** For whom it is; "" = for whoever gets the link. */
  readonly address: string;
  /** ISO 8601. */
  readonly created: string;
  /** ISO 8601. */
  readonly expires: string;
  /** null = any number. */
  readonly uses_left: number | null;
}

/** The link is told this once. */
export interface MadeInvitation {
  readonly invitation: InvitationInfo;
  readonly link: string;
  /** The site has sent it to the address too. */
  readonly mailed: boolean;
}

/** One of the two: somebody who is known here has the role now; somebody else is invited. */
export interface Shared {
  readonly member: Member | null;
  readonly invited: MadeInvitation | null;
}

export interface NewInvitation {
  readonly role: "collaborator" | "reader";
  readonly address?: string;
  /** null = any number. */
  readonly uses?: number | null;
  readonly days?: number | null;
}

/** What a link invites to. */
export interface InvitationShown {
  /** Its name; null = the site only. */
  readonly workspace: string | null;
  readonly role: Role | null;
  readonly invited_by: string;
  readonly address: string;
  /** ISO 8601. */
  readonly expires: string;
}

/** Who has access to one workspace. */
export class Sharing {
  readonly #api: Api;
  readonly #place: string;

  constructor(api: Api, workspace: string) {
    this.#api = api;
    this.#place = `/api/workspaces/${encodeURIComponent(workspace)}`;
  }

  async members(): Promise<Member[]> {
    return (await this.#api.get<{ permissions: Member[] }>(`${this.#place}/permissions`)).permissions;
  }

  /** Shares with whoever signs in by this name; invites, where nobody does and it is a mail address. */
  add(name: string, role: Role): Promise<Shared> {
    return this.#api.post(`${this.#place}/members`, { name, role });
  }

  /** null takes the role away. Takes effect within a second. */
  async change(account: string, role: Role | null): Promise<void> {
    await this.#api.patch(`${this.#place}/permissions`, { account, role });
  }

  /** Gives one's own role up. */
  async leave(): Promise<void> {
    await this.#api.post(`${this.#place}/leave`);
  }

  /** Makes another member the owner. */
  transfer(account: string): Promise<WorkspaceInfo> {
    return this.#api.post(`${this.#place}/transfer`, { account });
  }

  async invitations(): Promise<InvitationInfo[]> {
    return (await this.#api.get<{ invitations: InvitationInfo[] }>(`${this.#place}/invitations`)).invitations;
  }

  invite(invitation: NewInvitation): Promise<MadeInvitation> {
    return this.#api.post(`${this.#place}/invitations`, invitation);
  }

  async takeBack(invitation: string): Promise<void> {
    await this.#api.delete(`${this.#place}/invitations/${encodeURIComponent(invitation)}`);
  }
}

/** How people come by an account here. */
export interface SignUpState {
  readonly sign_up: "closed" | "invitation" | "open";
  /** Who forgot a password can have an address for a new one sent. */
  readonly mail: boolean;
  readonly site: string;
}

export interface NewPerson {
  /** Name or mail address to sign in by. */
  readonly sign_in: string;
  /** What others see; "" = the same. */
  readonly name: string;
  readonly password: string;
  /** What stands behind the # of an invitation, or "". */
  readonly invitation: string;
}

/** Coming to a site: by signing up, by an invitation, by a link for a new password. */
export class Joining {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  state(): Promise<SignUpState> {
    return this.#api.get("/api/sign-up");
  }

  /** Makes an account; a cookie signs it in. */
  signUp(person: NewPerson): Promise<{ account: Account; workspace: WorkspaceInfo | null }> {
    return this.#api.post("/api/sign-up", person);
  }

  look(secret: string): Promise<InvitationShown> {
    return this.#api.post("/api/invitations/look", { secret });
  }

  async accept(secret: string): Promise<WorkspaceInfo | null> {
    const path = "/api/invitations/accept";
    return (await this.#api.post<{ workspace: WorkspaceInfo | null }>(path, { secret })).workspace;
  }

  /** Has an address for a new password sent to this mail address, where somebody signs in by it. */
  async forgot(name: string): Promise<void> {
    await this.#api.post("/api/forgotten-password", { name });
  }

  /** @param secret what stands behind the # of the address. */
  async resetPassword(secret: string, password: string): Promise<void> {
    await this.#api.post("/api/reset-password", { secret, password });
  }
}
