/** App: what all pages share: the site, who is signed in, and going from page to page. */

import { ApiError, Site } from "../lib/index";
import type { Me, SiteOptions } from "../lib/index";
import { UploadQueue } from "./files/uploadqueue";

/** One page on the screen. */
export interface Page {
  readonly element: HTMLElement;
  /** The page is about to be replaced: let go of what it listens to. */
  close(): void;
}

/** Goes to an address of this site without loading everything again. */
export type Navigate = (address: string, options?: { readonly replace?: boolean }) => void;

export class App {
  readonly site: Site;
  readonly navigate: Navigate;
  /** Files on their way to the site; they go on while people look at other pages. */
  readonly uploads: UploadQueue;
  /** Whether there are edits that only this browser has; set by the page that edits. */
  hasUnsaved: () => boolean = () => false;
  #account: Promise<Me> | null = null;

  /** @param more takes the place of how a browser reaches its site, for a page that shows how things look. */
  constructor(navigate: Navigate, more: Partial<SiteOptions> = {}) {
    this.navigate = navigate;
    this.site = new Site({
      addresses: [location.origin],
      storage: localStorage,
      tabStorage: sessionStorage,
      onOnline: (wake) => {
        window.addEventListener("online", wake);
        return () => window.removeEventListener("online", wake);
      },
      ...more,
    });
    this.uploads = new UploadQueue(this.site.api.files);
    window.addEventListener("pagehide", () => this.site.flush());
  }

  /** Who is signed in; asked once. */
  account(): Promise<Me> {
    return (this.#account ??= this.site.api.me());
  }

  /** Learns by which other addresses the site is reached, for when the one of this page does not answer any more. */
  async findAddresses(): Promise<void> {
    try {
      await this.site.findAddresses();
    } catch (error) {
      // A connection tells them too.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** Connects, where that has not been done. */
  connect(): void {
    if (this.site.state.name === "closed") this.site.connect();
  }

  async signOut(): Promise<void> {
    await this.site.api.signOut();
    this.site.close();
    location.assign(`${this.site.address}/sign-in`);
  }

  /** Leads to the sign-in page where that is what the error asks for; else false. */
  signInFor(error: unknown): boolean {
    const code = error instanceof ApiError ? error.code : "";
    if (code !== "not_signed_in") return false;
    this.goToSignIn();
    return true;
  }

  /** All of the page goes, and with it whatever belonged to who was signed in. */
  goToSignIn(): void {
    this.site.close();
    location.replace(`${this.site.address}/sign-in?next=${encodeURIComponent(location.pathname)}`);
  }
}
