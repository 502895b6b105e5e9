/** People: who else is here, and one's own name and colour at one's cursor. */

import type { Person } from "../../lib/index";
import { fill, h } from "../dom";

const HUES = [215, 25, 145, 285, 350, 175, 50, 250] as const;

/** A colour for a person, the same on everyone's screen. */
export function hueOf(name: string): number {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_536;
  return HUES[sum % HUES.length] ?? 215;
}

/** What others see at one's cursor. */
export function cursorLooks(person: Person): { name: string; color: string; colorLight: string } {
  const hue = hueOf(person.client);
  return {
    name: person.name || person.account,
    color: `hsl(${hue} 65% 42%)`,
    colorLight: `hsl(${hue} 65% 50% / 0.25)`,
  };
}

export class PeopleView {
  readonly element = h("ul", { class: "people", "aria-label": "People here", "data-testid": "people" });

  /** @param me which of them is this page. */
  show(people: readonly Person[], me: Person | undefined): void {
    const others = people.length > 1 ? people : [];
    fill(
      this.element,
      others.map((person) => {
        const name = person.name || person.account;
        const who = person === me ? `${name} (you)` : name;
        const role = person.role === "reader" ? ", reader" : "";
        const face = h(
          "li",
          { class: "person", title: who + role },
          h("span", { "aria-hidden": "true" }, initials(name)),
        );
        face.append(h("span", { class: "hidden-text" }, who + role));
        face.style.setProperty("--hue", String(hueOf(person.client)));
        return face;
      }),
    );
  }
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...(word ?? "?")][0]?.toUpperCase() ?? "?").join("");
}
