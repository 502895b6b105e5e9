/** The editor of a text file: CodeMirror on the shared text, with everyone's cursors, and an undo of one's own. */

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, Prec } from "@codemirror/state";
import type { Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import { Y } from "../../lib/index";
import type { TextFile } from "../../lib/index";
import { highlighting, markdownLanguage, sageLanguage } from "../worksheet/language";

export interface TextEditor {
  readonly view: EditorView;
  close(): void;
}

/** @param save is called when a person asks for it. */
export function makeTextEditor(file: TextFile, readOnly: boolean, save: () => void): TextEditor {
  // The tracked origin is added by the editor's own plugin: what others type is not undone here.
  const undoManager = new Y.UndoManager(file.text, { trackedOrigins: new Set() });
  const saveKey = { key: "Mod-s", run: () => (save(), true), preventDefault: true };
  const state = EditorState.create({
    doc: file.text.toString(),
    extensions: [
      Prec.highest(keymap.of([saveKey])),
      keymap.of([...yUndoManagerKeymap, ...searchKeymap, ...closeBracketsKeymap, ...defaultKeymap]),
      keymap.of([indentWithTab]),
      yCollab(file.text, file.awareness, { undoManager }),
      lineNumbers(),
      drawSelection(),
      highlightActiveLine(),
      highlightSelectionMatches(),
      search({ top: true }),
      highlighting,
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({
        "aria-label": `Text of ${file.path}`,
        "aria-description": "Control M lets the tab key leave the editor.",
        autocapitalize: "off",
        spellcheck: String(isProse(file.path)),
      }),
      readOnly ? [EditorState.readOnly.of(true), EditorView.editable.of(true)] : [],
      languageOf(file.path),
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

function isProse(path: string): boolean {
  return /\.(md|txt|rst|tex)$/i.test(path);
}

function languageOf(path: string): Extension {
  if (/\.(py|sage|pyx|spyx)$/i.test(path)) {
    return [sageLanguage, indentUnit.of("    "), indentOnInput(), bracketMatching(), closeBrackets()];
  }
  return /\.md$/i.test(path) ? markdownLanguage : [];
}
