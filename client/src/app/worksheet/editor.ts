/** Editor: CodeMirror on a cell's shared text, with everyone's cursors, and an undo of one's own. */

import { closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import type { Extension } from "@codemirror/state";
import { drawSelection, EditorView, keymap } from "@codemirror/view";
import type { KeyBinding } from "@codemirror/view";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import { Y } from "../../lib/index";
import type { CellType, Worksheet } from "../../lib/index";
import { completion, tab } from "./completion";
import { closeInspection, inspect, inspection } from "./inspection";
import { highlighting, markdownLanguage, sageLanguage } from "./language";

/** What keys in an editor do to the worksheet around it. */
export interface EditorActions {
  runAndAdvance(): void;
  run(): void;
  runAndInsert(): void;
  leave(): void;
  /** The cursor wants to go out of the editor; false where there is no cell. */
  goUp(): boolean;
  goDown(): boolean;
  save(): void;
}

export interface EditorOptions {
  readonly worksheet: Worksheet;
  readonly source: Y.Text;
  readonly type: CellType;
  /** Said to who cannot see it. */
  readonly label: string;
  readonly readOnly: boolean;
  readonly actions: EditorActions;
}

export interface Editor {
  readonly view: EditorView;
  close(): void;
}

export function makeEditor(options: EditorOptions): Editor {
  const { worksheet, source, type } = options;
  // The tracked origin is added by the editor's own plugin: what others type is not undone here.
  const undoManager = new Y.UndoManager(source, { trackedOrigins: new Set() });
  const state = EditorState.create({
    doc: source.toString(),
    extensions: [
      Prec.highest(keymap.of(bindings(options))),
      keymap.of([...yUndoManagerKeymap, ...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap]),
      Prec.low(keymap.of([{ key: "Escape", run: () => (options.actions.leave(), true) }])),
      yCollab(source, worksheet.awareness, { undoManager }),
      drawSelection(),
      highlighting,
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({
        "aria-label": options.label,
        autocapitalize: "off",
        spellcheck: String(type !== "code"),
      }),
      options.readOnly ? [EditorState.readOnly.of(true)] : [],
      type === "code" ? codeExtensions(worksheet) : type === "markdown" ? markdownLanguage : [],
    ],
  });
  const view = new EditorView({ state });
  return {
    view,
    close: () => {
      view.destroy();
      undoManager.destroy();
    },
  };
}

function codeExtensions(worksheet: Worksheet): Extension {
  return [
    sageLanguage,
    indentUnit.of("    "),
    EditorState.tabSize.of(4),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    completion((code, cursor) => worksheet.complete(code, cursor)),
    inspection,
  ];
}

function bindings({ worksheet, type, actions }: EditorOptions): KeyBinding[] {
  const always = (action: () => void) => (): boolean => {
    action();
    return true;
  };
  const code: KeyBinding[] = [
    { key: "Tab", run: tab },
    { key: "Shift-Tab", run: (view) => inspect(view, (text, cursor) => worksheet.inspect(text, cursor)) },
    { key: "Escape", run: closeInspection },
  ];
  return [
    { key: "Shift-Enter", run: always(actions.runAndAdvance) },
    { key: "Ctrl-Enter", mac: "Cmd-Enter", run: always(actions.run) },
    { key: "Alt-Enter", run: always(actions.runAndInsert) },
    { key: "Mod-s", run: always(actions.save), preventDefault: true },
    { key: "ArrowUp", run: (view) => isAtEdge(view, "up") && actions.goUp() },
    { key: "ArrowDown", run: (view) => isAtEdge(view, "down") && actions.goDown() },
    ...(type === "code" ? code : []),
  ];
}

/** Whether the cursor is on the first (last) line that is shown, with nothing selected and no list open. */
function isAtEdge(view: EditorView, where: "up" | "down"): boolean {
  const { main } = view.state.selection;
  if (!main.empty || view.dom.querySelector(".cm-tooltip-autocomplete")) return false;
  const moved = view.moveVertically(main, where === "down");
  const line = view.state.doc.lineAt(main.head);
  const edge = where === "up" ? line.number === 1 : line.number === view.state.doc.lines;
  const end = where === "up" ? 0 : view.state.doc.length;
  return edge && (moved.head === main.head || moved.head === end);
}
