/** Freshness: loads again every few seconds while somebody looks, and says how old is what is shown. */

import { h, setAttribute, setText } from "../dom";
import { wholeDurationText } from "../output/sizes";

/** What is older than so many times the pause is called old. */
const OLD = 3;

export interface FreshnessText {
  readonly text: string;
  readonly old: boolean;
}

/** What is said about something loaded `age` milliseconds ago (null = never) that is loaded again every `pause`. */
export function freshnessText(age: number | null, pause: number, failed: string): FreshnessText {
  if (age === null) return { text: failed ? `Nothing is known: ${failed}` : "Asking …", old: failed !== "" };
  if (age <= OLD * pause && !failed) return { text: "Up to date", old: false };
  const old = `Not up to date: as of ${wholeDurationText(age)} ago.`;
  return { text: failed ? `${old} ${failed}` : old, old: true };
}

interface Settings {
  readonly seconds: number;
  /** Asks and shows; what it throws is told. */
  readonly load: () => Promise<void>;
  /** What is shown, which is dimmed while it is old. */
  readonly shown: HTMLElement;
  /** An error, in words; "" where somebody has to sign in and is led there. */
  readonly said: (error: unknown) => string;
}

export class Freshness {
  readonly element = h("p", { class: "freshness", role: "status", "data-testid": "freshness" });
  readonly #settings: Settings;
  #loadedAt: number | null = null;
  #failed = "";
  #loading: Promise<void> | null = null;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(settings: Settings) {
    this.#settings = settings;
    document.addEventListener("visibilitychange", this.#seen);
    this.#show();
    this.#seen();
  }

  /** Nothing is loaded any more. */
  close(): void {
    this.#closed = true;
    document.removeEventListener("visibilitychange", this.#seen);
    this.#sleep();
  }

  /** Loads now; where that is going on already, once more after it. */
  async now(): Promise<void> {
    if (this.#loading) {
      this.#again = true;
      return this.#loading;
    }
    clearTimeout(this.#timer);
    this.#loading = this.#load();
    await this.#loading;
  }

  readonly #seen = (): void => {
    if (document.visibilityState !== "visible") return this.#sleep();
    // What is shown may be hours old: it says so until the answer comes.
    this.#show();
    this.#ticking ??= setInterval(() => this.#show(), 1000);
    void this.now();
  };

  #sleep(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  async #load(): Promise<void> {
    do {
      this.#again = false;
      try {
        // Neither text that somebody is about to copy is taken away, nor the button that opened a dialogue.
        if (this.#loadedAt === null || !isBeingUsed(this.#settings.shown)) {
          await this.#settings.load();
          this.#loadedAt = Date.now();
        }
        this.#failed = "";
      } catch (error) {
        this.#failed = this.#settings.said(error);
      }
    } while (this.#again && !this.#closed);
    this.#loading = null;
    if (this.#closed) return;
    this.#show();
    if (document.visibilityState === "visible")
      this.#timer = setTimeout(() => void this.now(), 1000 * this.#settings.seconds);
  }

  #show(): void {
    const age = this.#loadedAt === null ? null : Date.now() - this.#loadedAt;
    const { text, old } = freshnessText(age, 1000 * this.#settings.seconds, this.#failed);
    setText(this.element, text);
    this.element.classList.toggle("old", old);
    this.#settings.shown.classList.toggle("old", old && age !== null);
    setAttribute(this.#settings.shown, "aria-busy", age === null && !old ? "true" : null);
  }
}

function isBeingUsed(element: HTMLElement): boolean {
  if (document.querySelector("dialog[open]")) return true;
  const selection = getSelection();
  return (
    selection !== null &&
    !selection.isCollapsed &&
    selection.rangeCount > 0 &&
    element.contains(selection.anchorNode)
  );
}
