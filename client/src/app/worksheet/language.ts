/** Language: colours for Python with Sage's words. */

import { python } from "@codemirror/lang-python";
import {
  defineLanguageFacet,
  HighlightStyle,
  Language,
  syntaxHighlighting,
  syntaxTree,
} from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { Decoration, MatchDecorator, ViewPlugin } from "@codemirror/view";
import type { DecorationSet, EditorView, ViewUpdate } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { GFM, parser as markdownParser } from "@lezer/markdown";
import { SAGE_WORDS } from "./sagewords";

const style = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], class: "cm-keyword" },
  { tag: [tags.string, tags.special(tags.string)], class: "cm-string" },
  { tag: [tags.number, tags.bool, tags.null], class: "cm-number" },
  { tag: [tags.comment], class: "cm-comment" },
  {
    tag: [tags.definition(tags.function(tags.variableName)), tags.definition(tags.className)],
    class: "cm-definition",
  },
  { tag: [tags.meta], class: "cm-meta" },
  { tag: [tags.heading], class: "cm-heading" },
  { tag: [tags.emphasis], class: "cm-emphasis" },
  { tag: [tags.strong], class: "cm-strong" },
  { tag: [tags.link, tags.url], class: "cm-link" },
  { tag: [tags.monospace], class: "cm-string" },
]);

const mark = Decoration.mark({ class: "cm-sage" });

const matcher = new MatchDecorator({
  regexp: /(?<![\w.])[A-Za-z]\w+/g,
  decorate: (add, from, to, [word], view) => {
    if (SAGE_WORDS.has(word) && isCode(view, from)) add(from, to, mark);
  },
});

function isCode(view: EditorView, place: number): boolean {
  const { name } = syntaxTree(view.state).resolveInner(place, 1);
  return name !== "String" && name !== "Comment" && name !== "FormatString";
}

const sageWords = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = matcher.createDeco(view);
    }
    update(update: ViewUpdate): void {
      const parsed = syntaxTree(update.startState) !== syntaxTree(update.state);
      this.decorations = parsed
        ? matcher.createDeco(update.view)
        : matcher.updateDeco(update, this.decorations);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

export const highlighting: Extension = syntaxHighlighting(style);

export const sageLanguage: Extension = [python(), sageWords];

/** Markdown, without the languages that may be in it: those are half a megabyte. */
export const markdownLanguage: Extension = new Language(
  defineLanguageFacet(),
  markdownParser.configure(GFM),
  [],
  "markdown",
).extension;
