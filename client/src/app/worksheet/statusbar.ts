/** StatusBar: connection, session (of a worksheet) and what is saved, always as they are now. */

import type { Site, TextFile, Workspace, Worksheet } from "../../lib/index";
import { h, setAttribute, setText } from "../dom";
import { button } from "../pages/shell";
import { connectionText, kernelText, SAVING_MILLISECONDS, saveText } from "./states";
import type { Said } from "./states";

export class StatusBar {
  readonly element: HTMLElement;
  readonly #site: Site;
  readonly #workspace: Workspace;
  readonly #connection = lamp("connection-state", "Connection");
  readonly #kernel = lamp("kernel-state", "Session");
  readonly #save = lamp("save-state", "Changes");
  readonly #again = button("Start again", () => this.#startAgain(), { class: "primary small" });
  readonly #retry = button("Try now", () => this.#site.retry(), { class: "small" });
  readonly #stops: (() => void)[];
  #worksheet: Worksheet | null = null;
  #edited: { readonly unacknowledged: number } | null = null;
  #startAgain: () => void = () => undefined;
  #unsavedSince = 0;
  #timer = 0;

  constructor(site: Site, workspace: Workspace) {
    this.#site = site;
    this.#workspace = workspace;
    this.#again.hidden = this.#retry.hidden = true;
    this.element = h(
      "div",
      { class: "status-bar", role: "group", "aria-label": "State" },
      this.#save,
      this.#kernel,
      this.#again,
      this.#connection,
      this.#retry,
    );
    const say = (): void => this.#say();
    this.#stops = [site.on("state", say), workspace.on("state", say)];
    this.#say();
  }

  follow(worksheet: Worksheet, startAgain: () => void): void {
    this.#worksheet = this.#edited = worksheet;
    this.#startAgain = startAgain;
    const say = (): void => this.#say();
    this.#stops.push(worksheet.on("session", say), worksheet.on("acknowledged", say));
    this.#say();
  }

  followText(file: TextFile): void {
    this.#edited = file;
    this.#kernel.hidden = true;
    this.#stops.push(file.on("acknowledged", () => this.#say()));
    this.#say();
  }

  close(): void {
    window.clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
  }

  #say(): void {
    const now = Date.now();
    const connection = this.#site.state;
    const workspace = this.#workspace.state;
    const said: Said[] = [connectionText(connection, workspace, now)];
    show(this.#connection, said[0] as Said);
    this.#retry.hidden = connection.name !== "offline";
    this.element.classList.toggle("online", said[0]?.tone === "good");
    if (this.#worksheet) said.push(this.#saySession(this.#worksheet, now));
    if (this.#edited) said.push(this.#saySaving(this.#edited.unacknowledged, now));
    window.clearTimeout(this.#timer);
    // Nothing ticks while nothing changes by itself.
    if (said.some(({ ticks }) => ticks)) this.#timer = window.setTimeout(() => this.#say(), this.#pause(now));
  }

  get #isOnline(): boolean {
    return this.#site.state.name === "open" && this.#workspace.state.name === "attached";
  }

  #saySession({ session }: Worksheet, now: number): Said {
    const kernel = kernelText(session, this.#site.state, this.#workspace.state, now);
    show(this.#kernel, kernel);
    setAttribute(this.#kernel, "data-state", this.#isOnline ? session.state : "unknown");
    this.#again.hidden = !(this.#isOnline && session.state === "ended");
    return kernel;
  }

  #saySaving(unacknowledged: number, now: number): Said {
    if (unacknowledged === 0) this.#unsavedSince = 0;
    else this.#unsavedSince ||= now;
    const save = saveText(unacknowledged, this.#unsavedSince, this.#isOnline, now);
    show(this.#save, save);
    return save;
  }

  /** Until the next full second of what is counted. */
  #pause(now: number): number {
    const since = this.#worksheet?.session.since ?? now;
    const saving = this.#unsavedSince && now - this.#unsavedSince < SAVING_MILLISECONDS;
    return saving ? SAVING_MILLISECONDS - (now - this.#unsavedSince) + 10 : 1000 - ((now - since) % 1000) + 5;
  }
}

/** A word with a dot whose colour only repeats what the word says. */
function lamp(testid: string, label: string): HTMLElement {
  return h("span", { class: "lamp", "data-testid": testid, title: label });
}

function show(element: HTMLElement, { text, tone }: Said): void {
  setText(element, text);
  setAttribute(element, "data-tone", tone);
}
