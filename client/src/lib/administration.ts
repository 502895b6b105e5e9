/** Administration: what the site's operator sees and does, over the site's HTTP interface. */

import type { Account, Api } from "./api";
import type { SessionState } from "./messages";

/** A worker, as the site knows it. */
export interface WorkerInfo {
  readonly id: string;
  readonly address: string;
  readonly state: "ready" | "draining" | "stopped";
  /** Sessions that it takes. */
  readonly capacity: number;
  readonly load: number;
  readonly workspaces: number;
  readonly version: string;
  /** How long ago a backend noted it. */
  readonly heard_seconds: number;
  /** The backend that answers is connected to it. */
  readonly connected: boolean;
  /** null where it is not connected. */
  readonly sessions: number | null;
  readonly waiting: number | null;
  readonly environments: readonly string[];
}

/** A backend, as the site knows it. */
export interface BackendInfo {
  readonly id: string;
  readonly address: string;
  readonly state: "ready" | "draining";
  readonly capacity: number;
  readonly load: number;
  readonly connections: number;
  readonly version: string;
  readonly heard_seconds: number;
  readonly answers: boolean;
}

/** The site at one moment, as the backend that answers knows it. */
export interface SiteState {
  /** Unix time in seconds, by that backend's clock. */
  readonly at: number;
  readonly site: string;
  readonly solo: boolean;
  readonly accounts: number;
  readonly myself: {
    readonly id: string;
    readonly version: string;
    readonly pid: number;
    readonly up_seconds: number;
    readonly memory_bytes: number;
    readonly live_connections: number;
    /** ISO 8601; null where it has no certificate. */
    readonly certificate_ends: string | null;
  };
  readonly machine: {
    readonly host: string;
    readonly load: readonly number[];
    readonly processors: number;
    readonly memory_bytes: number;
    readonly memory_available_bytes: number;
    readonly disk_bytes: number;
    readonly disk_free_bytes: number;
  };
  readonly database: {
    readonly kind: "postgresql" | "sqlite";
    readonly answered_in_milliseconds: number;
    readonly size_bytes: number;
    readonly tables: string;
    readonly migration_pending: boolean;
  };
  readonly log_server: { readonly there: boolean; readonly answers: boolean; readonly what: string };
  readonly workers: readonly WorkerInfo[];
  readonly backends: readonly BackendInfo[];
}

/** An account, and what is known of its person. */
export interface PersonInfo extends Account {
  readonly sign_in: readonly string[];
  /** That it owns. */
  readonly workspaces: number;
  /** ISO 8601; null = never. */
  readonly seen: string | null;
}

export interface PeopleFound {
  readonly accounts: readonly PersonInfo[];
  /** There are so many in all. */
  readonly found: number;
  readonly account_types: readonly string[];
}

export interface PeopleSought {
  readonly text: string;
  readonly state: "" | "enabled" | "disabled";
  readonly account_type: string;
}

/** A workspace that is open on a worker. */
export interface OpenWorkspace {
  readonly workspace: string;
  readonly name: string;
  readonly owner: string;
  readonly owner_name: string;
  readonly worker: string;
  readonly people: number;
  /** Unix time in seconds. */
  readonly since: number;
  readonly sessions: readonly SessionState[];
}

export interface OpenWorkspaces {
  readonly workspaces: readonly OpenWorkspace[];
  /** Workers of which nothing is known. */
  readonly silent: readonly string[];
}

export interface LogRecordInfo {
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  readonly component: string;
  readonly host: string;
  readonly level: string;
  readonly name: string;
  readonly event: string;
  readonly workspace: string | null;
  readonly account: string | null;
  readonly fields: { readonly [name: string]: unknown };
  readonly traceback: string | null;
}

export interface LogFound {
  /** The site keeps its log where it can be read from here. */
  readonly kept: boolean;
  /** The newest first. */
  readonly records: readonly LogRecordInfo[];
}

/** What is wanted of the log; what is empty does not matter. */
export interface LogSought {
  readonly component?: string;
  readonly level?: string;
  /** ISO 8601 with a time zone. */
  readonly since?: string;
  readonly workspace?: string;
  readonly text?: string;
  readonly limit?: string;
}

/** Requests that only the operator may make. */
export class Administration {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  site(): Promise<SiteState> {
    return this.#api.get("/api/admin/site");
  }

  people(sought: PeopleSought): Promise<PeopleFound> {
    return this.#api.get("/api/admin/accounts", { ...sought });
  }

  workspaces(): Promise<OpenWorkspaces> {
    return this.#api.get("/api/admin/workspaces");
  }

  log(sought: LogSought): Promise<LogFound> {
    const given = Object.entries(sought).filter(([, value]) => value);
    return this.#api.get("/api/admin/log", Object.fromEntries(given) as { [name: string]: string });
  }

  /** Takes a worker out of use: what it has goes on elsewhere when nothing runs in it. */
  async drain(worker: string): Promise<void> {
    await this.#api.post(`/api/admin/workers/${encodeURIComponent(worker)}/drain`);
  }

  async undrain(worker: string): Promise<void> {
    await this.#api.post(`/api/admin/workers/${encodeURIComponent(worker)}/undrain`);
  }

  async endSession(workspace: string, session: string): Promise<void> {
    const place = `/api/admin/workspaces/${encodeURIComponent(workspace)}`;
    await this.#api.delete(`${place}/sessions/${encodeURIComponent(session)}`);
  }

  createAccount(name: string, password: string, type: string): Promise<Account> {
    return this.#api.post("/api/accounts", { name, password, account_type: type });
  }

  /** An address by which somebody sets a new password, once; told this once. */
  resetLink(account: string): Promise<{ readonly link: string; readonly expires: string }> {
    return this.#api.post(`/api/accounts/${encodeURIComponent(account)}/reset-link`);
  }

  changeAccount(
    account: string,
    change: { readonly disabled?: boolean; readonly account_type?: string },
  ): Promise<Account> {
    return this.#api.patch(`/api/accounts/${encodeURIComponent(account)}`, change);
  }
}
