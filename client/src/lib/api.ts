/** Api: the site's HTTP interface, JSON over `fetch`. */

import { ApiError } from "./errors";
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

/** A file or folder of a workspace. */
export interface FileInfo {
  readonly path: string;
  readonly kind: "file" | "folder" | "other";
  /** Bytes. */
  readonly size: number;
  /** Unix time in seconds. */
  readonly modified: number;
}

/** Pages of other sites cannot send it, so the server does what a cookie's owner asks only with it. */
const OWN_HEADER = "X-Sagews";

/** How the Api reaches the site. */
export interface ApiOptions {
  /** Where the site is now, without a slash at the end ("https://sage.example"); "" = where the page came from. */
  readonly address: () => string;
  /** An API token, for scripts; browsers are signed in by a cookie. */
  readonly token?: string | undefined;
  readonly fetch?: typeof fetch | undefined;
}

/** What a request sends. */
export interface RequestOptions {
  readonly query?: { readonly [name: string]: string };
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: string | Blob | Uint8Array<ArrayBuffer>;
}

/** Requests to the site. Every method throws ApiError, which says what happened and what to do. */
export class Api {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
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
    const { address, token } = this.#options;
    const query = options.query ? `?${new URLSearchParams(options.query).toString()}` : "";
    const headers = new Headers({ Accept: "application/json", [OWN_HEADER]: "1" });
    if (token) headers.set("Authorization", `Bearer ${token}`);
    if (options.json !== undefined) headers.set("Content-Type", "application/json");
    const body = options.json !== undefined ? JSON.stringify(options.json) : options.body;
    const send = this.#options.fetch ?? fetch;
    const url = `${address()}${path}${query}`;
    const credentials: RequestCredentials = token ? "omit" : "include";
    let answer: Response;
    try {
      answer = await send(url, { method, headers, credentials, ...(body === undefined ? {} : { body }) });
    } catch (error) {
      throw unreachable(error);
    }
    if (!answer.ok) throw await errorOf(answer);
    return answer;
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

  readonly files = {
    /** What is in the folder; "" = the top. */
    list: async (workspace: string, path = ""): Promise<FileInfo[]> =>
      (await this.get<{ entries: FileInfo[] }>(`${workspacePath(workspace)}/files`, { path })).entries,
    read: (workspace: string, path: string): Promise<Response> =>
      this.response("GET", filePath(workspace, path)),
    write: async (
      workspace: string,
      path: string,
      body: string | Blob | Uint8Array<ArrayBuffer>,
    ): Promise<void> => void (await this.put(filePath(workspace, path), { body })),
    remove: async (workspace: string, path: string): Promise<void> =>
      void (await this.delete(filePath(workspace, path))),
    makeFolder: async (workspace: string, path: string): Promise<void> =>
      void (await this.post(`${workspacePath(workspace)}/files`, { path })),
    rename: async (workspace: string, path: string, to: string): Promise<void> =>
      void (await this.patch(filePath(workspace, path), { path: to })),
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

  /** Where a browser finds a file, for a link. */
  fileAddress(workspace: string, path: string): string {
    return filePath(workspace, path);
  }

  /** Where a browser finds the whole text of a run, for a link. */
  outputAddress(workspace: string, run: string): string {
    return `${workspacePath(workspace)}/runs/${encodeURIComponent(run)}/output`;
  }
}

function workspacePath(id: string): string {
  return `/api/workspaces/${encodeURIComponent(id)}`;
}

function filePath(workspace: string, path: string): string {
  return `${workspacePath(workspace)}/files/${path.split("/").map(encodeURIComponent).join("/")}`;
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
