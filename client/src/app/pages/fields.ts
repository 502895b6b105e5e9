/** Fields: labelled inputs, forms that say what went wrong, and a link to be passed on. */

import { h } from "../dom";
import type { Child } from "../dom";
import { button, errorText, message } from "./shell";

/** An input with its label above. */
export function field(
  label: string,
  properties: { readonly id: string; readonly [name: string]: unknown },
  ...note: Child[]
): { readonly row: HTMLElement; readonly input: HTMLInputElement } {
  const input = h("input", { type: "text", autocomplete: "off", maxlength: 200, ...properties });
  const about = note.length > 0 ? h("p", { class: "note below", id: `${properties.id}-note` }, note) : null;
  if (about) input.setAttribute("aria-describedby", about.id);
  return {
    row: h("div", { class: "field" }, h("label", { for: properties.id }, label), input, about),
    input,
  };
}

/** A field for a new password. */
export function newPassword(id: string, label = "New password"): ReturnType<typeof field> {
  const rules = { type: "password", required: true, minlength: 8, maxlength: 1024 };
  return field(label, { id, ...rules, autocomplete: "new-password" }, "At least 8 characters.");
}

/** A choice with its label above. */
export function choice(
  id: string,
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  chosen = options[0]?.[0] ?? "",
): { readonly row: HTMLElement; readonly select: HTMLSelectElement } {
  const items = options.map(([value, text]) => h("option", { value, selected: value === chosen }, text));
  const select = h("select", { id }, items);
  return { row: h("div", { class: "field" }, h("label", { for: id }, label), select), select };
}

/** A form whose failure is told above its button; the button is off while it is sent. */
export function form(
  name: string,
  yes: string,
  send: () => Promise<void>,
  ...content: Child[]
): HTMLFormElement {
  const problem = h("div", { class: "problem", "aria-live": "assertive" });
  const submit = h("button", { type: "submit", class: "primary" }, yes);
  const sent = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    problem.replaceChildren();
    submit.disabled = true;
    try {
      await send();
    } catch (error) {
      problem.replaceChildren(message("error", h("span", {}, errorText(error))));
    }
    submit.disabled = false;
  };
  return h(
    "form",
    { class: "fields", "aria-label": name, onsubmit: (event: SubmitEvent) => void sent(event) },
    content,
    problem,
    h("div", { class: "form-end" }, submit),
  );
}

/** A text that is to be passed on: shown whole, copied by a button. */
export function toPassOn(label: string, text: string): HTMLElement {
  const shown = h("input", { type: "text", readonly: true, "aria-label": label, class: "pass-on-text" });
  shown.value = text;
  shown.addEventListener("focus", () => shown.select());
  const copy = button("Copy", () => void copied(), { class: "small" });
  const copied = async (): Promise<void> => {
    shown.select();
    try {
      await navigator.clipboard.writeText(text);
      copy.replaceChildren("Copied");
    } catch {
      // Without the right to use the clipboard, the text is selected: the keys copy it.
      copy.replaceChildren("Press Ctrl-C");
    }
  };
  return h("div", { class: "pass-on" }, shown, copy);
}
