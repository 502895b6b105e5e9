/**
 * DocumentView: an open document in its page, whatever kind it is: it is opened, shown, and shown no more where it is
 * deleted, what was edited is refused, or the workspace is not ours to see.
 */

import { SagewsError } from "../../lib/index";
import type { Workspace } from "../../lib/index";
import type { App, Page } from "../app";
import { fill, h } from "../dom";
import type { Child } from "../dom";
import { button, errorText, message, Messages } from "../pages/shell";
import { DocumentBar } from "./bar";
import type { Naming, OpenFile } from "./bar";

/** What a kind of document has of its own. */
export interface DocumentKind<File extends OpenFile> extends Naming {
  /** What of it is left when edits are refused. */
  readonly content: "text" | "worksheet";
  /** Of the place where it is shown. */
  readonly className: string;
  /** Stands after the name. */
  readonly about?: Child;
  /** Stands before the place where it is shown. */
  readonly before?: Child;
  /** @param made the environment of one that is new ("" = the site's first); null = it is not new. */
  open(workspace: Workspace, path: string, made: string | null): Promise<File>;
  /** Puts it into the view's places; returns what ends that. */
  show(view: DocumentView<File>, file: File, opening: Opening): (() => void)[];
  /** What is shown where it cannot be opened. */
  failure(view: DocumentView<File>, error: unknown, ways: FailureWays): Child[];
}

export interface Opening {
  readonly readOnly: boolean;
  /** Edits of this page were refused: it makes none by itself. */
  readonly again: boolean;
}

/** Buttons for who could not open a document. */
export interface FailureWays {
  readonly again: HTMLElement;
  readonly make: HTMLElement;
  /** Whether there is no such file. */
  readonly missing: boolean;
}

export class DocumentView<File extends OpenFile> implements Page {
  readonly element: HTMLElement;
  readonly app: App;
  readonly workspace: Workspace;
  readonly messages = new Messages();
  readonly bar: DocumentBar;
  readonly content: HTMLElement;
  readonly #kind: DocumentKind<File>;
  readonly #stops: readonly (() => void)[];
  /** Of the document that is shown. */
  readonly #fileStops: (() => void)[] = [];
  #file: File | null = null;
  /** Why the server will not take what was edited. */
  #refusal: SagewsError | null = null;
  #closed = false;

  constructor(app: App, workspace: string, path: string, kind: DocumentKind<File>) {
    this.app = app;
    this.#kind = kind;
    this.workspace = app.site.workspace(workspace);
    const { messages } = this;
    this.bar = new DocumentBar(app, this.workspace, path, { naming: kind, messages, about: kind.about });
    this.content = h("main", { id: "main", class: kind.className, tabindex: -1 });
    this.element = h("div", { class: "page" }, this.bar.element, messages.element, kind.before, this.content);
    this.#stops = [
      this.workspace.on("state", ({ name, reason }) => {
        if (name === "refused" && reason && reason.code !== "not_signed_in") this.#shutOut(reason);
      }),
      app.site.on("state", ({ name, reason }) => {
        if (name === "refused" && reason?.code === "not_signed_in") app.goToSignIn();
      }),
      app.site.on("problem", (problem) => messages.error(problem)),
    ];
    void this.#open(new URLSearchParams(location.search).get("new"));
  }

  close(): void {
    this.#closed = true;
    this.#letGo();
    for (const stop of this.#stops) stop();
    this.bar.close();
  }

  /** Nothing of the document is shown or followed any more. */
  #letGo(): void {
    for (const stop of this.#fileStops.splice(0)) stop();
    this.bar.follow(null);
    this.#file?.close();
    this.#file = null;
    this.app.hasUnsaved = () => false;
  }

  /** @param made see DocumentKind.open. */
  async #open(made: string | null, again = false): Promise<void> {
    const opening = h("p", { class: "note" }, "Opening …");
    const slow = window.setTimeout(() => fill(this.content, opening), 300);
    try {
      const file = await this.#kind.open(this.workspace, this.bar.path, made);
      if (this.#closed) return file.close();
      if (made !== null) history.replaceState(null, "", location.pathname);
      this.#show(file, again);
    } catch (error) {
      if (!this.#closed) this.#showFailure(error);
    } finally {
      window.clearTimeout(slow);
    }
  }

  #showFailure(error: unknown): void {
    const code = error instanceof SagewsError ? error.code : "";
    if (code === "not_signed_in") return this.app.goToSignIn();
    const again = button("Try again", () => void this.#open(null));
    const make = button("Make it", () => void this.#open(""), { class: "primary" });
    fill(this.content, this.#kind.failure(this, error, { again, make, missing: code === "not_found" }));
  }

  #show(file: File, again: boolean): void {
    this.#file = file;
    this.app.hasUnsaved = () => this.workspace.unacknowledged > 0;
    const { noun } = this.#kind;
    const readOnly = this.workspace.role === "reader";
    // Why edits were refused is not to be hidden by what follows from it.
    if (readOnly && !again) this.messages.show("info", `You may read this ${noun}, but not change it.`);
    this.#fileStops.push(
      ...this.#kind.show(this, file, { readOnly, again }),
      file.on("notice", ({ level, text }) => this.messages.show(level, text)),
      file.on("refused", (error) => (this.#refusal = error)),
      file.on("moved", (path) => this.bar.moved(path)),
      file.on("closed", (reason) => this.#gone(reason)),
    );
    this.bar.follow(file);
  }

  #gone(reason: string): void {
    if (this.#closed || !reason) return;
    this.#letGo();
    fill(this.bar.tools);
    if (this.#refusal) return this.#openAgain(this.#refusal);
    this.#leave(reason, h("a", { href: this.bar.home }, "To the workspace"));
  }

  /** The workspace is not ours to see any more: so is what is on the screen. */
  #shutOut(reason: SagewsError): void {
    if (this.#closed || !this.#file) return;
    this.#letGo();
    fill(this.bar.tools);
    const why = "It was deleted, or is not shared with you any more.";
    this.#leave(`${reason.what} ${why}`, h("a", { href: "/" }, "To the workspaces"));
  }

  #leave(why: string, way: HTMLElement): void {
    fill(this.content, message("warning", h("span", {}, why)), h("p", { class: "choices" }, way));
  }

  /** What was edited here is refused for good: show what the server has instead, and say so. */
  #openAgain(refusal: SagewsError): void {
    this.#refusal = null;
    const lost = `Your last edits are not kept; this is the ${this.#kind.content} without them.`;
    this.messages.show("error", `${errorText(refusal)} ${lost}`);
    void this.#open(null, true);
  }
}
