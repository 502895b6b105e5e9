/** Api: the site's HTTP interface, JSON over `fetch`. */

import { ApiError } from "./errors";
import { Files, workspacePath } from "./files";
import type { StorageLike } from "./keepsakes";
import type { Origins } from "./origins";
import type { JsonObject } from "./fields";
import type { Role, SessionState } from "./messages";

/** What a person chose, by keys. */
export type Preferences = JsonObject;

/** Somebody who can sign in. */
export interface Account {
  readonly id: string;
  readonly name: string;
  readonly account_type: string;
  readonly disabled: boolean;
  /** ISO 8601. */
  readonly created: string;
}

/** Who is signed in, and where. */
export interface Me extends Account {
  /** May administer the site. */
  readonly operator: boolean;
  /** What the site is called. */
  readonly site: string;
  /** One person's own site, on their machine. */
  readonly solo: boolean;
}

/** A workspace and what we may do in it. */
export interface WorkspaceInfo {
  readonly id: string;
  readonly name: string;
  /** A scratch workspace is thrown away when it is closed. */
  readonly kind: "normal" | "scratch";
  /** The id of its owner's account. */
  readonly owner: string;
  /** ISO 8601. */
  readonly created: string;
  /** ISO 8601. */
  readonly changed: string;
  readonly role: Role;
}

/** Pages of other sites cannot send it, so the server does what a cookie's owner asks only with it. */
const OWN_HEADER = "X-Sagews";

/** How the Api reaches the site. */
export interface ApiOptions {
  readonly origins: Origins;
  /** Whether there is a live connection to the address in use, so that it answers. */
  readonly isOpen?: (() => boolean) | undefined;
  /** An API token, for scripts; browsers are signed in by a cookie. */
  readonly token?: string | undefined;
  readonly fetch?: typeof fetch | undefined;
  /** Of this tab only: remembers uploads that are not finished, over a reload. */
  readonly tabStorage?: StorageLike | undefined;
}

/** What a request sends. */
export interface RequestOptions {
  readonly query?: { readonly [name: string]: string };
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: string | Blob | Uint8Array<ArrayBuffer>;
}

/** Methods that may be asked for again where no answer came (RFC 9110, section 9.2.2). */
const REPEATABLE = ["GET", "HEAD", "PUT"];
/** An answer with these is no site's but of what stands before it, and another address may have more luck. */
const NOBODY_BEHIND = [502, 503, 504];
/** Milliseconds that an address has to say that it answers, before something is sent there that is sent only once. */
const PROBE_MILLISECONDS = 1_500;

/**
 * Requests to the site, by whichever of its addresses answers. Every method throws ApiError, which says what happened
 * and what to do. What changes something is sent once only: where it is not known that an address answers, that is
 * asked first.
 */
export class Api {
  /** The files of workspaces. */
  readonly files: Files;
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
    this.files = new Files(this, options.tabStorage);
  }

  /** A request whose answer is JSON (null where the answer is empty). */
  async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const answer = await this.response(method, path, options);
    const body = await answer.text();
    return (body ? JSON.parse(body) : null) as T;
  }

  get<T>(path: string, query?: RequestOptions["query"]): Promise<T> {
    return this.request<T>("GET", path, query ? { query } : {});
  }

  post<T>(path: string, json: unknown = {}): Promise<T> {
    return this.request<T>("POST", path, { json });
  }

  patch<T>(path: string, json: unknown): Promise<T> {
    return this.request<T>("PATCH", path, { json });
  }

  put<T>(path: string, options: RequestOptions): Promise<T> {
    return this.request<T>("PUT", path, options);
  }

  delete<T>(path: string, query?: RequestOptions["query"]): Promise<T> {
    return this.request<T>("DELETE", path, query ? { query } : {});
  }

  /** A request whose answer is left to the caller; its status is one of success. */
  async response(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const { token } = this.#options;
    const query = options.query ? `?${new URLSearchParams(options.query).toString()}` : "";
    const headers = new Headers({ Accept: "application/json", [OWN_HEADER]: "1" });
    if (token) headers.set("Authorization", `Bearer ${token}`);
    if (options.json !== undefined) headers.set("Content-Type", "application/json");
    const body = options.json !== undefined ? JSON.stringify(options.json) : options.body;
    const credentials: RequestCredentials = token ? "omit" : "include";
    const init = { method, headers, credentials, ...(body === undefined ? {} : { body }) };
    const answer = await this.#send(`${path}${query}`, init);
    if (!answer.ok) throw await errorOf(answer);
    return answer;
  }

  async #send(path: string, init: RequestInit & { readonly method: string }): Promise<Response> {
    const { origins, isOpen } = this.#options;
    if (REPEATABLE.includes(init.method)) return this.#sendToAny(path, init);
    if (origins.count > 1 && !isOpen?.()) await this.#findLiving();
    return this.#sendTo(origins.current, path, init);
  }

  /** Asks one address after the other, until one answers. */
  async #sendToAny(path: string, init: RequestInit): Promise<Response> {
    const { origins } = this.#options;
    const [last, ...others] = [...origins.inTurn()].reverse();
    for (const origin of others.reverse()) {
      try {
        const answer = await this.#sendTo(origin, path, init);
        if (!NOBODY_BEHIND.includes(answer.status)) return answer;
        origins.leave(origin);
      } catch (error) {
        if (!(error instanceof ApiError) || init.signal?.aborted) throw error;
      }
    }
    return this.#sendTo(last ?? "", path, init);
  }

  async #sendTo(origin: string, path: string, init: RequestInit): Promise<Response> {
    const send = this.#options.fetch ?? fetch;
    try {
      return await send(`${origin}${path}`, init);
    } catch (error) {
      this.#options.origins.leave(origin);
      throw unreachable(error);
    }
  }

  async #findLiving(): Promise<void> {
    for (const origin of this.#options.origins.inTurn()) {
      try {
        const signal = AbortSignal.timeout(PROBE_MILLISECONDS);
        const answer = await this.#sendTo(origin, "/sockjs/info", { credentials: "omit", signal });
        if (answer.ok) return this.#options.origins.use(origin);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }
  }

  /** Every address of the site, for who came by this one. */
  async addresses(): Promise<string[]> {
    return (await this.get<{ addresses: string[] }>("/api/addresses")).addresses;
  }

  /** Who is signed in; ApiError `not_signed_in` where nobody is. */
  me(): Promise<Me> {
    return this.get("/api/me");
  }

  /** Signs in; a cookie remembers it. */
  signIn(name: string, password: string): Promise<Account> {
    return this.post("/api/sign-in", { name, password });
  }

  /** Signs in with the token of a solo site's sign-in address. */
  signInWithToken(token: string): Promise<Account> {
    return this.post("/api/sign-in", { token });
  }

  async signOut(): Promise<void> {
    await this.post("/api/sign-out");
  }

  readonly workspaces = {
    list: async (): Promise<WorkspaceInfo[]> =>
      (await this.get<{ workspaces: WorkspaceInfo[] }>("/api/workspaces")).workspaces,
    get: (id: string): Promise<WorkspaceInfo> => this.get(workspacePath(id)),
    create: (name: string, kind: WorkspaceInfo["kind"] = "normal"): Promise<WorkspaceInfo> =>
      this.post("/api/workspaces", { name, kind }),
    rename: (id: string, name: string): Promise<WorkspaceInfo> => this.patch(workspacePath(id), { name }),
    delete: async (id: string): Promise<void> => void (await this.delete(workspacePath(id))),
  };

  readonly sessions = {
    list: async (workspace: string): Promise<SessionState[]> =>
      (await this.get<{ sessions: SessionState[] }>(`${workspacePath(workspace)}/sessions`)).sessions,
    end: async (workspace: string, session: string): Promise<void> =>
      void (await this.delete(`${workspacePath(workspace)}/sessions/${encodeURIComponent(session)}`)),
  };

  /** What a person chose for the pages, by keys that the pages define. */
  readonly preferences = {
    read: async (): Promise<Preferences> =>
      (await this.get<{ preferences: Preferences }>("/api/preferences")).preferences,
    /** Changes some; null forgets one. Returns all. */
    change: async (preferences: Preferences): Promise<Preferences> =>
      (await this.patch<{ preferences: Preferences }>("/api/preferences", { preferences })).preferences,
  };

  /** The whole text that a run wrote, also what a page does not show. */
  async output(workspace: string, run: string): Promise<string> {
    return (await this.response("GET", this.outputAddress(workspace, run))).text();
  }

  /** Where a browser finds the whole text of a run, for a link. */
  outputAddress(workspace: string, run: string): string {
    return `${workspacePath(workspace)}/runs/${encodeURIComponent(run)}/output`;
  }
}

function unreachable(error: unknown): ApiError {
  const what = `The site does not answer (${error instanceof Error ? error.message : String(error)}).`;
  return new ApiError("unavailable", what, "Check the network and try again.", 0);
}

async function errorOf(answer: Response): Promise<ApiError> {
  const body = await answer.text();
  try {
    const { code, what, what_to_do } = (JSON.parse(body) as { error: { [name: string]: string } }).error;
    if (code && what) return new ApiError(code, what, what_to_do ?? "", answer.status);
  } catch {
    // Not JSON of ours: it comes from a proxy, or from no sagews at all.
  }
  const what = `The site answered with HTTP status ${answer.status}.`;
  return new ApiError(
    answer.status >= 500 ? "unavailable" : "internal",
    what,
    "Try again in a moment.",
    answer.status,
  );
}
