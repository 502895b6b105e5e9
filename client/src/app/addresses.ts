/** Addresses of the pages, and what their parts are called: `/`, `/sign-in`, `/workspaces/ID`, `/workspaces/ID/PATH`. Pure. */

export type Place =
  | { readonly page: "home" }
  | { readonly page: "sign-in"; readonly next: string; readonly failed: string }
  | { readonly page: "workspace"; readonly workspace: string }
  | { readonly page: "worksheet"; readonly workspace: string; readonly path: string }
  | { readonly page: "nowhere" };

/** Which page an address shows. */
export function placeOf(pathname: string, search = ""): Place {
  if (pathname === "/" || pathname === "/index.html") return { page: "home" };
  if (pathname === "/sign-in") {
    const query = new URLSearchParams(search);
    return { page: "sign-in", next: ownPath(query.get("next") ?? "/"), failed: query.get("failed") ?? "" };
  }
  const [, first, workspace, ...path] = pathname.split("/");
  if (first !== "workspaces" || !workspace) return { page: "nowhere" };
  try {
    const id = decodeURIComponent(workspace);
    const file = path.map(decodeURIComponent).join("/").replace(/\/+$/, "");
    return file ? { page: "worksheet", workspace: id, path: file } : { page: "workspace", workspace: id };
  } catch {
    // Broken percent-encoding.
    return { page: "nowhere" };
  }
}

export function workspaceAddress(workspace: string): string {
  return `/workspaces/${encodeURIComponent(workspace)}`;
}

export function worksheetAddress(workspace: string, path: string): string {
  return `${workspaceAddress(workspace)}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** Where a file's content is. */
export function fileAddress(workspace: string, path: string): string {
  const file = path.split("/").map(encodeURIComponent).join("/");
  return `/api/workspaces/${encodeURIComponent(workspace)}/files/${file}`;
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
