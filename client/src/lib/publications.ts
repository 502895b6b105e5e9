/** Publications: static pages of worksheets, which everybody sees. */

import type { Api, WorkspaceInfo } from "./api";

/** A publication: one worksheet, or all those of a workspace. */
export interface PublicationInfo {
  readonly id: string;
  /** Where its pages are, on any address of the site. */
  readonly address: string;
  readonly title: string;
  readonly author: string;
  /** null = the workspace is deleted. */
  readonly workspace: string | null;
  /** "" = all worksheets of the workspace. */
  readonly path: string;
  /** It is in the list of everything; else only who knows the address finds it. */
  readonly listed: boolean;
  readonly withdrawn: boolean;
  readonly version: number;
  /** ISO 8601. */
  readonly created: string;
  readonly changed: string;
}

export interface VersionInfo {
  readonly version: number;
  readonly title: string;
  /** ISO 8601. */
  readonly at: string;
  /** Bytes. */
  readonly size: number;
}

interface List {
  readonly publications: PublicationInfo[];
}

export class Publications {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Searches what is listed, by words; nobody has to be signed in. */
  async find(text = ""): Promise<PublicationInfo[]> {
    return (await this.#api.get<List>("/api/publications", { text })).publications;
  }

  /** What one has published. */
  async own(): Promise<PublicationInfo[]> {
    return (await this.#api.get<List>("/api/me/publications")).publications;
  }

  async ofWorkspace(workspace: string): Promise<PublicationInfo[]> {
    return (await this.#api.get<List>(`/api/workspaces/${encodeURIComponent(workspace)}/publications`))
      .publications;
  }

  /** Nobody has to be signed in. */
  get(publication: string): Promise<PublicationInfo> {
    return this.#api.get(placeOf(publication));
  }

  /** @param path of a worksheet; "" = all worksheets of the workspace. By their files, as they are now. */
  publish(workspace: string, path: string, listed: boolean): Promise<PublicationInfo> {
    return this.#api.post(`/api/workspaces/${encodeURIComponent(workspace)}/publications`, { path, listed });
  }

  /** Publishes the worksheets as they are now; the versions before are kept. */
  publishAgain(publication: string): Promise<PublicationInfo> {
    return this.#api.post(`${placeOf(publication)}/versions`);
  }

  async versions(publication: string): Promise<VersionInfo[]> {
    return (await this.#api.get<{ versions: VersionInfo[] }>(`${placeOf(publication)}/versions`)).versions;
  }

  change(
    publication: string,
    change: { readonly listed?: boolean; readonly withdrawn?: boolean },
  ): Promise<PublicationInfo> {
    return this.#api.patch(placeOf(publication), change);
  }

  /** Deletes it with all its versions, for good. */
  async delete(publication: string): Promise<void> {
    await this.#api.delete(placeOf(publication));
  }

  /** Copies its worksheets into a new workspace; "" = named by its title. */
  copy(publication: string, name = ""): Promise<WorkspaceInfo> {
    return this.#api.post(`${placeOf(publication)}/copy`, { name });
  }
}

function placeOf(publication: string): string {
  return `/api/publications/${encodeURIComponent(publication)}`;
}
