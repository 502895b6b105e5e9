/** Inspection: Shift-Tab shows what is known of the name at the cursor; Escape or typing closes it. */

import { indentLess } from "@codemirror/commands";
import { StateEffect, StateField } from "@codemirror/state";
import type { Extension } from "@codemirror/state";
import { EditorView, showTooltip } from "@codemirror/view";
import type { Tooltip } from "@codemirror/view";
import type { Inspection } from "../../lib/index";
import { h } from "../dom";
import { textOf } from "../output/mime";
import { TextView } from "../output/textview";

export type Inspect = (code: string, cursor: number) => Promise<Inspection>;

const setTooltip = StateEffect.define<Tooltip | null>();

const tooltip = StateField.define<Tooltip | null>({
  create: () => null,
  update: (shown, transaction) => {
    for (const effect of transaction.effects) if (effect.is(setTooltip)) return effect.value;
    return transaction.docChanged || transaction.selection ? null : shown;
  },
  provide: (field) => showTooltip.from(field),
});

export const inspection: Extension = [
  tooltip,
  EditorView.domEventHandlers({ blur: (_event, view) => void closeInspection(view) }),
];

/** Closes what Shift-Tab opened; false where nothing is open. */
export function closeInspection(view: EditorView): boolean {
  if (!view.state.field(tooltip, false)) return false;
  view.dispatch({ effects: setTooltip.of(null) });
  return true;
}

/** Shift-Tab: asks what is at the cursor; on an indentation it takes indentation away. */
export function inspect(view: EditorView, ask: Inspect): boolean {
  const { main } = view.state.selection;
  const line = view.state.doc.lineAt(main.head);
  if (!main.empty || !line.text.slice(0, main.head - line.from).trim()) return indentLess(view);
  void show(view, main.head, ask);
  return true;
}

async function show(view: EditorView, place: number, ask: Inspect): Promise<void> {
  const code = view.state.doc.toString();
  const text = await ask(code, place).then(
    ({ found, data }) => (found ? textOf(data, "text/plain") : "Nothing is known of this name."),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  if (view.state.doc.toString() !== code) return;
  view.dispatch({
    effects: setTooltip.of({ pos: place, above: false, create: () => ({ dom: tooltipElement(text) }) }),
  });
}

function tooltipElement(text: string): HTMLElement {
  const shown = new TextView("plain open");
  shown.show(text);
  const element = h(
    "div",
    { class: "inspection", role: "tooltip", "data-testid": "inspection" },
    shown.element,
  );
  // Clicking and scrolling in it keeps the cursor in the editor.
  element.addEventListener("mousedown", (event) => event.preventDefault());
  return element;
}
