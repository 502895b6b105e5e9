/** Completion: Tab asks the session how the code can go on. Where it cannot be asked, Tab indents. */

import {
  autocompletion,
  completionStatus,
  startCompletion,
  acceptCompletion,
} from "@codemirror/autocomplete";
import type { Completion as Option, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { indentMore } from "@codemirror/commands";
import type { Extension } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import type { Completion } from "../../lib/index";

export type Complete = (code: string, cursor: number) => Promise<Completion>;

/** More than so many matches help nobody, and take long to draw. */
const MOST_MATCHES = 500;

/** The list of matches; it opens only when it is asked for. */
export function completion(complete: Complete): Extension {
  return autocompletion({
    override: [(context) => matchesAt(context, complete)],
    activateOnTyping: false,
    icons: false,
    closeOnBlur: true,
    aboveCursor: false,
    maxRenderedOptions: 100,
  });
}

async function matchesAt(context: CompletionContext, complete: Complete): Promise<CompletionResult | null> {
  const code = context.state.doc.toString();
  let answer: Completion;
  try {
    answer = await complete(code, context.pos);
  } catch {
    // Not to be told: the states at the top of the page say why the session cannot answer.
    return null;
  }
  if (context.aborted || answer.matches.length === 0) return null;
  const options = answer.matches
    .slice(0, MOST_MATCHES)
    .map((match): Option => ({ label: match, apply: match }));
  return { from: answer.start, to: answer.end, options, validFor: /^[\w.]*$/ };
}

/** Tab: takes the chosen match, opens the list after a word, indents elsewhere. */
export function tab(view: EditorView): boolean {
  if (completionStatus(view.state) === "active") return acceptCompletion(view);
  const { main } = view.state.selection;
  const line = view.state.doc.lineAt(main.head);
  const before = line.text.slice(0, main.head - line.from);
  if (!main.empty) return indentMore(view);
  if (/[\w.)\]"'/]$/.test(before)) return startCompletion(view);
  view.dispatch(view.state.replaceSelection(" ".repeat(4 - (before.length % 4))), { scrollIntoView: true });
  return true;
}
