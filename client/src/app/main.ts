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
const loadText = () => import("./text/page");

/** Whatever a page may need later is here before the address that it came from may be gone. */
async function loadEverything(): Promise<void> {
  await loadWorksheet();
  await loadText();
  await import("./output/rich");
}

/** Pages of those who are perhaps not signed in. */
const SIGNED_OUT: readonly Place["page"][] = ["sign-in", "sign-up", "join", "reset", "nowhere"];

function navigate(address: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  void show();
}

async function show(): Promise<void> {
  const place = placeOf(location.pathname, location.search, location.hash);
  const mine = (turn += 1);
  if (!SIGNED_OUT.includes(place.page)) app.connect();
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
      return new WorkspacePage(app, place.workspace, place.folder);
    case "worksheet": {
      const { WorksheetPage } = await loadWorksheet();
      return new WorksheetPage(app, place.workspace, place.path);
    }
    case "text": {
      const { TextPage } = await loadText();
      return new TextPage(app, place.workspace, place.path);
    }
    case "history": {
      const { HistoryPage } = await import("./pages/history");
      return new HistoryPage(app, place.workspace, place.path);
    }
    case "administration": {
      const { AdministrationPage } = await import("./pages/administration");
      return new AdministrationPage(app, place.view);
    }
    case "share": {
      const { SharePage } = await import("./pages/share");
      return new SharePage(app, place.workspace);
    }
    case "publish": {
      const { PublishPage } = await import("./pages/publish");
      return new PublishPage(app, place.workspace, place.path);
    }
    case "copy": {
      const { CopyPage } = await import("./pages/copy");
      return new CopyPage(app, place.publication);
    }
    case "account": {
      const { AccountPage } = await import("./pages/account");
      return new AccountPage(app);
    }
    case "join": {
      const { JoinPage } = await import("./pages/join");
      return new JoinPage(app, place.secret);
    }
    case "sign-up": {
      const { SignUpPage } = await import("./pages/signup");
      return new SignUpPage(app);
    }
    case "reset": {
      const { ResetPage } = await import("./pages/reset");
      return new ResetPage(app, place.secret);
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
  navigate(address.pathname + address.search + address.hash);
}

document.addEventListener("click", followLink);
window.addEventListener("popstate", () => void show());
window.addEventListener("beforeunload", (event) => {
  // Edits are kept in the browser, but other people and other browsers do not have them.
  if (app.hasUnsaved() || app.uploads.isBusy) event.preventDefault();
});
void show();
void app.findAddresses();
if ("requestIdleCallback" in window) requestIdleCallback(() => void loadEverything());
