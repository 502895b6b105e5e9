/** Shell: what frames every page: the bar at the top, messages, dialogues. */

import { SagewsError } from "../../lib/index";
import { administrationAddress } from "../addresses";
import type { App } from "../app";
import { h } from "../dom";
import type { Child } from "../dom";
import { icon } from "../icons";
import type { IconName } from "../icons";

/** The bar at the top of the list pages. */
export function topBar(app: App, ...middle: Child[]): HTMLElement {
  const name = h("a", { href: "/account", class: "account-name", "data-testid": "account-name" });
  const administration = h("a", {
    href: administrationAddress(),
    class: "administration-link",
    hidden: true,
  });
  administration.append("Administration");
  void app.account().then(
    (me) => {
      name.append(me.name);
      administration.hidden = !me.operator;
    },
    () => undefined,
  );
  const out = button("Sign out", () => void app.signOut(), { class: "quiet sign-out" });
  return h(
    "header",
    { class: "top-bar" },
    h("a", { href: "/", class: "site-name" }, "Sage Workspaces"),
    h("nav", { class: "crumbs", "aria-label": "Place" }, middle),
    h("span", { class: "spacer" }),
    administration,
    name,
    out,
  );
}

interface Looks {
  readonly class?: string;
  readonly icon?: IconName;
  /** Shows the icon only; the name is said. */
  readonly iconOnly?: boolean;
  readonly title?: string;
  readonly testid?: string;
}

/** A button with a name that everyone can find. */
export function button(
  name: string,
  action: (event: MouseEvent) => void,
  looks: Looks = {},
): HTMLButtonElement {
  return h(
    "button",
    {
      type: "button",
      class: looks.class,
      "aria-label": looks.iconOnly ? name : undefined,
      title: looks.title ?? (looks.iconOnly ? name : undefined),
      "data-testid": looks.testid,
      onclick: action,
    },
    looks.icon ? icon(looks.icon) : null,
    looks.iconOnly ? null : h("span", {}, name),
  );
}

/** A message that is read aloud when it appears. */
export function message(level: "info" | "warning" | "error", ...content: Child[]): HTMLElement {
  return h("div", { class: `notice ${level}`, role: level === "error" ? "alert" : "status" }, content);
}

/** What an error says, for people. */
export function errorText(error: unknown): string {
  if (error instanceof SagewsError) return `${error.what} ${error.whatToDo}`.trim();
  return error instanceof Error ? error.message : String(error);
}

/** A place for messages, which are read aloud. A new one replaces the one before. */
export class Messages {
  readonly element = h("div", { class: "messages", "aria-live": "polite", "data-testid": "messages" });

  show(level: "info" | "warning" | "error", text: string, ...more: Child[]): void {
    const close = button("Close", () => this.clear(), { icon: "close", iconOnly: true, class: "quiet" });
    this.element.replaceChildren(message(level, h("span", {}, text), more, close));
  }

  error(error: unknown): void {
    this.show("error", errorText(error));
  }

  clear(): void {
    this.element.replaceChildren();
  }

  /** Does something whose failure is told here. */
  async attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      this.error(error);
      return undefined;
    }
  }
}
