/** OwnAccount: one's limits and what is used of them, name, password, API tokens, and the end of the account. */

import type { Account, Api } from "./api";

/** What an account may use; 0 = no limit. */
export interface Limits {
  readonly memory_bytes: number;
  readonly cpu_seconds: number;
  readonly wall_seconds: number;
  readonly idle_seconds: number;
  readonly processes: number;
  readonly open_files: number;
  readonly file_size_bytes: number;
  readonly disk_bytes: number;
  readonly disk_files: number;
  readonly output_bytes: number;
  readonly sessions: number;
  readonly workspaces: number;
  /** Of one workspace: who may edit and run, besides its owner. */
  readonly collaborators: number;
  readonly published_bytes: number;
  readonly may_publish: boolean;
}

/** A workspace of one's own in which others have a role. */
export interface SharedWorkspace {
  readonly id: string;
  readonly name: string;
  readonly others: readonly { readonly account: string; readonly name: string }[];
}

export interface AccountState {
  readonly account: Account;
  /** Names for signing in. */
  readonly sign_in: readonly string[];
  readonly has_password: boolean;
  readonly limits: Limits;
  readonly workspaces: number;
  /** null where a worker does not answer. */
  readonly sessions: number | null;
  /** Of the workspace that has most. */
  readonly collaborators: number;
  readonly published_bytes: number;
  readonly shared: readonly SharedWorkspace[];
}

/** An API token, without its secret. */
export interface TokenInfo {
  readonly id: string;
  readonly name: string;
  /** ISO 8601. */
  readonly created: string;
  readonly expires: string | null;
  readonly last_used: string | null;
}

export class OwnAccount {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  show(): Promise<AccountState> {
    return this.#api.get("/api/me/account");
  }

  rename(name: string): Promise<Account> {
    return this.#api.patch("/api/me/account", { name });
  }

  /** Every other browser has to sign in again. */
  async changePassword(old: string, password: string): Promise<void> {
    await this.#api.post("/api/me/password", { old, new: password });
  }

  /** @param workspaces for each of one's own that others share: the account that gets it; null = it goes too. */
  async delete(password: string, workspaces: { readonly [id: string]: string | null }): Promise<void> {
    await this.#api.post("/api/me/delete", { password, workspaces });
  }

  async tokens(): Promise<TokenInfo[]> {
    return (await this.#api.get<{ tokens: TokenInfo[] }>("/api/tokens")).tokens;
  }

  /** The secret is told this once. */
  makeToken(name: string, days: number | null): Promise<{ token: TokenInfo; secret: string }> {
    return this.#api.post("/api/tokens", { name, days });
  }

  async revokeToken(token: string): Promise<void> {
    await this.#api.delete(`/api/tokens/${encodeURIComponent(token)}`);
  }
}
