/** The page of a text file: everyone who has it open edits the same text; it is kept like a worksheet. */

import type { TextFile, Workspace } from "../../lib/index";
import { fileAddress, nameOf } from "../addresses";
import type { App } from "../app";
import { DocumentView } from "../document/view";
import type { DocumentKind, FailureWays, Opening } from "../document/view";
import { fill, h } from "../dom";
import type { Child } from "../dom";
import { button, errorText, message } from "../pages/shell";
import { makeTextEditor } from "./editor";

export class TextPage extends DocumentView<TextFile> {
  constructor(app: App, workspace: string, path: string) {
    super(app, workspace, path, new TextKind());
  }
}

class TextKind implements DocumentKind<TextFile> {
  readonly noun = "file";
  readonly content = "text";
  readonly className = "text-file";
  readonly titleOf = nameOf;

  fileName(title: string): string {
    return title;
  }

  open(workspace: Workspace, path: string, made: string | null): Promise<TextFile> {
    return workspace.openText(path, { create: made !== null });
  }

  show(view: DocumentView<TextFile>, file: TextFile, { readOnly }: Opening): (() => void)[] {
    const save = (): void => void view.messages.attempt(() => file.save());
    const editor = makeTextEditor(file, readOnly, save);
    const looks = { icon: "save", title: "Write the file now (Ctrl-S)" } as const;
    const address = fileAddress(view.workspace.id, view.bar.path);
    fill(view.content, editor.view.dom);
    fill(
      view.bar.tools,
      readOnly ? null : button("Write the file", save, looks),
      h("a", { href: address, download: true, class: "button quiet" }, "Download"),
    );
    view.bar.status.followText(file);
    if (!readOnly) editor.view.focus();
    return [() => editor.close()];
  }

  failure(
    { workspace, bar }: DocumentView<TextFile>,
    error: unknown,
    { again, make, missing }: FailureWays,
  ): Child[] {
    const address = fileAddress(workspace.id, bar.path);
    const get = h("a", { href: address, download: true, class: "button" }, "Download it");
    return [
      message(missing ? "error" : "info", h("span", {}, errorText(error))),
      h("p", { class: "choices" }, missing ? [again, make] : get),
    ];
  }
}
