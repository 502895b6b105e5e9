/** InputPrompt: the line that a program waits for (`input()`, `getpass()`). */

import type { PendingInput, Worksheet } from "../../lib/index";
import { fill, h } from "../dom";

export class InputPrompt {
  readonly element = h("div", { class: "input-place", "aria-live": "polite" });
  readonly #worksheet: Worksheet;
  #shown: PendingInput | null = null;

  constructor(worksheet: Worksheet) {
    this.#worksheet = worksheet;
  }

  show(input: PendingInput | null): void {
    if (input === this.#shown) return;
    const hadFocus = this.element.contains(document.activeElement);
    this.#shown = input;
    if (!input) {
      const cell = this.element.closest<HTMLElement>("[data-cell-id]");
      fill(this.element);
      if (hadFocus) cell?.focus({ preventScroll: true });
      return;
    }
    const field = h("input", {
      type: input.password ? "password" : "text",
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      "aria-label": input.prompt || "Input for the program",
    });
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      // Not disabled: that would take the focus away.
      if (field.readOnly) return;
      field.readOnly = true;
      this.#worksheet.answerInput(field.value).catch(() => (field.readOnly = false));
    };
    fill(
      this.element,
      h(
        "form",
        { class: "input-prompt", "data-testid": "input-prompt", onsubmit: submit },
        h("span", { class: "input-label" }, input.prompt),
        field,
        h("button", { type: "submit" }, "Send"),
      ),
    );
    if (this.#mayTakeFocus()) field.focus();
  }

  /** Where the person is at this cell or nowhere, the answer can be typed at once; never out of another text. */
  #mayTakeFocus(): boolean {
    const active = document.activeElement;
    if (!active || active === document.body || active.id === "main") return true;
    return this.element.closest("[data-cell-id]")?.contains(active) ?? false;
  }
}
