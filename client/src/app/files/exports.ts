/** In which form a worksheet is downloaded. */

import type { Files } from "../../lib/index";
import { h } from "../dom";
import { showSheet } from "../pages/dialogs";

const FORMS = [
  { form: "ipynb", name: "Notebook", about: "for Jupyter and other editors, with outputs" },
  { form: "html", name: "Page", about: "to read and print: one file that needs no site" },
  { form: "py", name: "Program", about: "the code without outputs, text as comments" },
] as const;

/** Offers the forms; each is a link that downloads. */
export async function showExports(
  files: Files,
  workspace: string,
  path: string,
  name: string,
): Promise<void> {
  const choices = FORMS.map(({ form, name, about }) =>
    h(
      "li",
      {},
      h("a", { href: files.exportAddress(workspace, path, form), download: true }, `${name} (.${form})`),
      h("span", { class: "note" }, about),
    ),
  );
  await showSheet(`Download “${name}”`, h("ul", { class: "forms" }, choices));
}
