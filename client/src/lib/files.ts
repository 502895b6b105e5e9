/** Files: those of a workspace, over the site's HTTP interface. */

import type { Api } from "./api";
import { Uploads } from "./uploads";
import type { StorageLike } from "./keepsakes";

/** A file or folder of a workspace. */
export interface FileInfo {
  readonly path: string;
  readonly kind: "file" | "folder" | "other";
  /** Bytes. */
  readonly size: number;
  /** Unix time in seconds. */
  readonly modified: number;
}

/** A part of what is in a folder: folders first, then by name. */
export interface FolderPage {
  readonly entries: readonly FileInfo[];
  /** How many there are in all, of those that match. */
  readonly total: number;
}

/** Which part. */
export interface FolderPageOptions {
  /** Leave out so many at the beginning. */
  readonly start?: number;
  /** At most so many; at most 5,000. */
  readonly limit?: number;
  /** Only those with this in their name. */
  readonly matching?: string;
}

/** What a file became that was imported. */
export interface Imported {
  readonly path: string;
  readonly files: number;
}

export type FileContent = string | Blob | Uint8Array<ArrayBuffer>;

const PAGE = 5_000;

/** Every method throws ApiError, which says what happened and what to do. */
export class Files {
  readonly uploads: Uploads;
  readonly #api: Api;

  constructor(api: Api, storage?: StorageLike) {
    this.#api = api;
    this.uploads = new Uploads(api, storage);
  }

  /** All that is in the folder; "" = the top. */
  async list(workspace: string, path = ""): Promise<FileInfo[]> {
    const entries: FileInfo[] = [];
    for (;;) {
      const page = await this.page(workspace, path, { start: entries.length, limit: PAGE });
      entries.push(...page.entries);
      if (page.entries.length < PAGE) return entries;
    }
  }

  /** A part of what is in the folder; "" = the top. */
  page(workspace: string, path = "", options: FolderPageOptions = {}): Promise<FolderPage> {
    const { start = 0, limit = 1_000, matching = "" } = options;
    const query = { path, start: String(start), limit: String(limit), matching };
    return this.#api.get(`${workspacePath(workspace)}/files`, query);
  }

  read(workspace: string, path: string): Promise<Response> {
    return this.#api.response("GET", filePath(workspace, path));
  }

  /** Writes a file, whole; with `keep`, only where there is none. */
  async write(
    workspace: string,
    path: string,
    body: FileContent,
    { keep = false }: { readonly keep?: boolean } = {},
  ): Promise<void> {
    await this.#api.put(filePath(workspace, path), { body, ...(keep ? { query: { keep: "true" } } : {}) });
  }

  /** Deletes a file, or a folder with all that is in it. */
  async remove(workspace: string, path: string): Promise<void> {
    await this.#api.delete(filePath(workspace, path));
  }

  async makeFolder(workspace: string, path: string): Promise<void> {
    await this.#api.post(`${workspacePath(workspace)}/files`, { path });
  }

  async rename(workspace: string, path: string, to: string): Promise<void> {
    await this.#api.patch(filePath(workspace, path), { path: to });
  }

  /** Unpacks a zip file into a folder beside it, or makes a worksheet of a program; the file stays. */
  import(workspace: string, path: string): Promise<Imported> {
    return this.#api.post(`${workspacePath(workspace)}/imports`, { path });
  }

  /** Where a browser finds a file, for a link. */
  address(workspace: string, path: string): string {
    return filePath(workspace, path);
  }

  /** Where a browser finds a worksheet in another form: a notebook, a page that needs nothing else, a program. */
  exportAddress(workspace: string, path: string, form: "ipynb" | "html" | "py"): string {
    const file = path.split("/").map(encodeURIComponent).join("/");
    return `${workspacePath(workspace)}/exports/${file}?form=${form}`;
  }

  /** Where a browser finds a folder ("" = the whole workspace) as a zip file, for a link. */
  archiveAddress(workspace: string, path = ""): string {
    const query = path ? `?${new URLSearchParams({ path }).toString()}` : "";
    return `${workspacePath(workspace)}/archive${query}`;
  }
}

export function workspacePath(id: string): string {
  return `/api/workspaces/${encodeURIComponent(id)}`;
}

function filePath(workspace: string, path: string): string {
  return `${workspacePath(workspace)}/files/${path.split("/").map(encodeURIComponent).join("/")}`;
}
