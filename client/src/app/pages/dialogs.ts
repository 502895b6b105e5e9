/** Dialogues: ask for a name, ask whether one is sure. Escape and Cancel give null. */

import { h } from "../dom";
import type { Child } from "../dom";
import { button } from "./shell";

interface Question {
  readonly title: string;
  readonly yes: string;
  readonly dangerous?: boolean;
}

/** Asks for a line of text. */
export async function askText(
  question: Question & { label: string; value?: string },
): Promise<string | null> {
  const input = h("input", {
    type: "text",
    id: "asked",
    maxlength: 200,
    required: true,
    autocomplete: "off",
  });
  input.value = question.value ?? "";
  const answered = open(question, h("label", { for: "asked" }, question.label), input);
  input.focus();
  input.select();
  return (await answered) ? input.value.trim() || null : null;
}

/** Asks for a yes. */
export async function confirm(question: Question & { text: string }): Promise<boolean> {
  return open(question, h("p", {}, question.text));
}

/** Shows something to be read. */
export async function showSheet(title: string, ...content: Child[]): Promise<void> {
  await open({ title, yes: "" }, ...content);
}

/** Asks for what the content's fields hold; true = the answer was given, and the fields have it. */
export async function askFor(question: Question, ...content: Child[]): Promise<boolean> {
  return open(question, ...content);
}

function open({ title, yes, dangerous = false }: Question, ...content: Child[]): Promise<boolean> {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const cancel = button(yes ? "Cancel" : "Close", () => dialog.close(), { class: "quiet" });
    const ok = yes ? h("button", { type: "submit", class: dangerous ? "danger" : "primary" }, yes) : null;
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "dialog-title" }, title),
      content,
      h("div", { class: "dialog-buttons" }, cancel, ok),
    );
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    let answer = false;
    form.addEventListener("submit", () => (answer = true));
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before instanceof HTMLElement) before.focus();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
