/**
 * Addresses of the pages, and what their parts are called: `/`, `/sign-in`, `/workspaces/ID`, `/workspaces/ID/PATH`
 * (both with `?view=history`), `/share/ID`, `/account`, `/join#SECRET` ... Pure.
 */

export type Place =
  | { readonly page: "home" }
  | { readonly page: "sign-in"; readonly next: string; readonly failed: string }
  | { readonly page: "workspace"; readonly workspace: string; readonly folder: string }
  | { readonly page: "worksheet"; readonly workspace: string; readonly path: string }
  | { readonly page: "share"; readonly workspace: string }
  | { readonly page: "publish"; readonly workspace: string; readonly path: string }
  | { readonly page: "copy"; readonly publication: string }
  | { readonly page: "account" }
  | { readonly page: "join"; readonly secret: string }
  | { readonly page: "sign-up" }
  | { readonly page: "reset"; readonly secret: string }
  | { readonly page: "text"; readonly workspace: string; readonly path: string }
  | { readonly page: "history"; readonly workspace: string; readonly path: string }
  | { readonly page: "administration"; readonly view: AdministrationView }
  | { readonly page: "nowhere" };

/** What the administrator's page shows. */
export const ADMINISTRATION_VIEWS = ["overview", "users", "sessions", "log"] as const;
export type AdministrationView = (typeof ADMINISTRATION_VIEWS)[number];

const SIMPLE = ["account", "sign-up"] as const;
const SECRET = ["join", "reset"] as const;

/** Which page an address shows. */
export function placeOf(pathname: string, search = "", hash = ""): Place {
  if (pathname === "/" || pathname === "/index.html") return { page: "home" };
  if (pathname === "/sign-in") {
    const query = new URLSearchParams(search);
    return {
      page: "sign-in",
      next: ownPath((query.get("next") ?? "/") + hash),
      failed: query.get("failed") ?? "",
    };
  }
  if (pathname === "/administration") {
    const wanted = new URLSearchParams(search).get("view");
    return {
      page: "administration",
      view: ADMINISTRATION_VIEWS.find((view) => view === wanted) ?? "overview",
    };
  }
  const simple = SIMPLE.find((page) => pathname === `/${page}`);
  if (simple) return { page: simple };
  const secret = SECRET.find((page) => pathname === `/${page}`);
  if (secret) return { page: secret, secret: hash.replace(/^#/, "") };
  const [, first, workspace, ...path] = pathname.split("/");
  if (first === "share" && workspace && path.length === 0) return { page: "share", workspace };
  if (first === "copy" && workspace && path.length === 0) return { page: "copy", publication: workspace };
  if (first === "publish" && workspace && path.length === 0)
    return { page: "publish", workspace, path: new URLSearchParams(search).get("path") ?? "" };
  if (first !== "workspaces" || !workspace) return { page: "nowhere" };
  try {
    const id = decodeURIComponent(workspace);
    const file = path.map(decodeURIComponent).join("/").replace(/\/+$/, "");
    const query = new URLSearchParams(search);
    if (query.get("view") === "history") return { page: "history", workspace: id, path: file };
    if (file) return { page: file.endsWith(".ipynb") ? "worksheet" : "text", workspace: id, path: file };
    return { page: "workspace", workspace: id, folder: query.get("folder") ?? "" };
  } catch {
    // Broken percent-encoding.
    return { page: "nowhere" };
  }
}

/** @param folder "" = the top. */
export function workspaceAddress(workspace: string, folder = ""): string {
  const query = folder ? `?${new URLSearchParams({ folder }).toString()}` : "";
  return `/workspaces/${encodeURIComponent(workspace)}${query}`;
}

export function worksheetAddress(workspace: string, path: string): string {
  return `${workspaceAddress(workspace)}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** Where it is said who has access to a workspace. */
export function shareAddress(workspace: string): string {
  return `/share/${encodeURIComponent(workspace)}`;
}

/** Where a workspace is published, or one of its worksheets. */
export function publishAddress(workspace: string, path = ""): string {
  const query = path ? `?path=${encodeURIComponent(path)}` : "";
  return `/publish/${encodeURIComponent(workspace)}${query}`;
}

/** Of the page of a text file. */
export const textAddress = worksheetAddress;

/** Of the versions of a workspace, or of one of its files ("" = all). */
export function historyAddress(workspace: string, path = ""): string {
  return `${path ? worksheetAddress(workspace, path) : workspaceAddress(workspace)}?view=history`;
}

export function administrationAddress(view: AdministrationView = "overview"): string {
  return view === "overview" ? "/administration" : `/administration?view=${view}`;
}

/** Where a file's content is. */
export function fileAddress(workspace: string, path: string): string {
  const file = path.split("/").map(encodeURIComponent).join("/");
  return `/api/workspaces/${encodeURIComponent(workspace)}/files/${file}`;
}

/** The folder that a file or folder is in: "a/b/c" -> "a/b"; "" = the top. */
export function folderOf(path: string): string {
  return path.split("/").slice(0, -1).join("/");
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.split("/").at(-1) ?? path;
}

/** A name in a folder, as a path in the workspace; a name that begins with a slash is one from the top. */
export function joined(folder: string, name: string): string {
  if (name.startsWith("/")) return name.slice(1);
  return folder ? `${folder}/${name}` : name;
}

/** An address to go to after signing in: one of this site only, so that a link cannot lead people away. */
export function ownPath(path: string): string {
  return /^\/(?![/\\])[^\\\u0000-\u0020]*$/.test(path) ? path : "/";
}

/** "folder/Knots.ipynb" -> "Knots". */
export function titleOf(path: string): string {
  return (path.split("/").at(-1) ?? path).replace(/\.ipynb$/, "");
}

/** "sage" -> "Sage". */
export function environmentTitle(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** A name that no file has yet: "Untitled.ipynb", "Untitled 2.ipynb", ... */
export function freeName(taken: readonly string[], base = "Untitled"): string {
  const known = new Set(taken.map((name) => name.toLowerCase()));
  for (let number = 1; ; number += 1) {
    const name = `${base}${number === 1 ? "" : ` ${number}`}.ipynb`;
    if (!known.has(name.toLowerCase())) return name;
  }
}
