/** The pages: shows the one that the address names, and the next when people go on. */

import "./style/index.css";
import { placeOf } from "./addresses";
import type { Place } from "./addresses";
import { App } from "./app";
import type { Page } from "./app";
import { fill, h } from "./dom";
import { HomePage } from "./pages/home";
import { SignInPage } from "./pages/signin";
import { message } from "./pages/shell";
import { WorkspacePage } from "./pages/workspace";

const root = document.getElementById("page") as HTMLElement;
const app = new App(navigate);
let shown: Page | null = null;
let turn = 0;

/** The worksheet brings an editor with it, and is loaded when it is needed or when there is time. */
const loadWorksheet = () => import("./worksheet/page");

function navigate(address: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  void show();
}

async function show(): Promise<void> {
  const place = placeOf(location.pathname, location.search);
  const mine = (turn += 1);
  if (place.page !== "sign-in" && place.page !== "nowhere") app.connect();
  let page: Page;
  try {
    page = await pageFor(place);
  } catch (error) {
    page = brokenPage(error);
  }
  if (mine !== turn) return page.close();
  shown?.close();
  shown = page;
  fill(root, page.element);
  window.scrollTo(0, 0);
}

async function pageFor(place: Place): Promise<Page> {
  switch (place.page) {
    case "home":
      return new HomePage(app);
    case "sign-in":
      return new SignInPage(app, place);
    case "workspace":
      return new WorkspacePage(app, place.workspace);
    case "worksheet": {
      const { WorksheetPage } = await loadWorksheet();
      return new WorksheetPage(app, place.workspace, place.path);
    }
    case "nowhere":
      return emptyPage("There is nothing here", "No page has this address.");
  }
}

function emptyPage(title: string, text: string): Page {
  document.title = `${title} · Sage Workspaces`;
  const home = h("p", {}, h("a", { href: "/" }, "To the workspaces"));
  const element = h(
    "main",
    { id: "main", class: "narrow" },
    h("h1", {}, title),
    message("error", text),
    home,
  );
  return { element, close: () => undefined };
}

function brokenPage(error: unknown): Page {
  const said = error instanceof Error ? error.message : String(error);
  return emptyPage("The page could not be loaded", `${said} Load the page again.`);
}

/** Links within the site change the page only. */
function followLink(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  const address = new URL(link.href, location.href);
  if (address.origin !== location.origin || placeOf(address.pathname).page === "nowhere") return;
  if (address.hash && address.pathname === location.pathname) return;
  event.preventDefault();
  navigate(address.pathname + address.search);
}

document.addEventListener("click", followLink);
window.addEventListener("popstate", () => void show());
window.addEventListener("beforeunload", (event) => {
  // Edits are kept in the browser, but other people and other browsers do not have them.
  if (app.hasUnsaved()) event.preventDefault();
});
void show();
if ("requestIdleCallback" in window) requestIdleCallback(() => void loadWorksheet());
