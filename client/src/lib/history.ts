/** VersionHistory: the versions of one workspace, over the site's HTTP interface. */

import type { Api } from "./api";
import type { FileInfo } from "./files";

/** A version: all files of a workspace as they were at one time. */
export interface Version {
  readonly id: string;
  /** The name of who made it. */
  readonly author: string;
  /** The id of their account; "" = nobody's. */
  readonly account: string;
  /** Unix time in seconds. */
  readonly at: number;
  readonly message: string;
  /** What somebody called it; "" = nothing. */
  readonly name: string;
}

/** How a file of one version differs from that of another. */
export interface FileChange {
  readonly path: string;
  readonly change: "added" | "changed" | "deleted";
}

/** A line of either version or both; `skipped` stands for lines that are the same. */
export interface ComparedLine {
  readonly change: "same" | "added" | "deleted" | "skipped";
  readonly text: string;
}

/** A cell of either version or both. */
export interface ComparedCell {
  readonly id: string;
  readonly type: string;
  readonly change: "same" | "added" | "deleted" | "changed" | "moved";
  readonly lines: readonly ComparedLine[];
  readonly outputs_changed: boolean;
}

/** A file of two versions: cells of a worksheet, lines of a text; of others only whether they differ. */
export interface Comparison {
  readonly path: string;
  readonly since: string;
  readonly change: "same" | "added" | "changed" | "deleted";
  readonly kind: "worksheet" | "text" | "binary" | "large";
  readonly cells: readonly ComparedCell[];
  readonly lines: readonly ComparedLine[];
}

/** Every method throws ApiError, which says what happened and what to do. */
export class VersionHistory {
  readonly #api: Api;
  readonly #top: string;

  constructor(api: Api, workspace: string) {
    this.#api = api;
    this.#top = `/api/workspaces/${encodeURIComponent(workspace)}`;
  }

  /** The newest first; what is there now is one of them. `path`: only those in which it was changed; "" = all. */
  versions(skip = 0, maximum = 50, path = ""): Promise<{ versions: Version[]; more: boolean }> {
    return this.#api.get(`${this.#top}/history`, { skip: String(skip), maximum: String(maximum), path });
  }

  async files(version: string): Promise<FileInfo[]> {
    return (await this.#api.get<{ entries: FileInfo[] }>(`${this.#of(version)}/files`)).entries;
  }

  /** A file of a version. */
  read(version: string, path: string): Promise<Response> {
    return this.#api.response("GET", this.address(version, path));
  }

  /** How the files differ from those of another version; "" = of the one before. */
  changes(version: string, since = ""): Promise<{ since: string; changes: FileChange[] }> {
    return this.#api.get(`${this.#of(version)}/changes`, { since });
  }

  /** How a file differs from that of another version; "" = of the one before. */
  compare(version: string, path: string, since = ""): Promise<Comparison> {
    return this.#api.get(`${this.#of(version)}/comparison/${encoded(path)}`, { since });
  }

  /** Calls a version something; "" = nothing any more. */
  async name(version: string, name: string): Promise<void> {
    await this.#api.patch(this.#of(version), { name });
  }

  /** Makes files and worksheets what they were; returns the new version, "" = nothing was different. */
  async goBack(version: string): Promise<string> {
    return (await this.#api.post<{ version: string }>(`${this.#of(version)}/restore`)).version;
  }

  /** Where a browser finds a file of a version, for a link. */
  address(version: string, path: string): string {
    return `${this.#of(version)}/files/${encoded(path)}`;
  }

  /** Where a browser finds all versions as a git bundle, for a link. */
  get bundleAddress(): string {
    return `${this.#top}/bundle`;
  }

  #of(version: string): string {
    return `${this.#top}/history/${encodeURIComponent(version)}`;
  }
}

function encoded(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
