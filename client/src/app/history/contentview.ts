/** What was in a file of a version, as far as it can be read on a page: text, pictures, a worksheet's cells. */

import type { FileInfo, JsonObject, VersionHistory } from "../../lib/index";
import { h } from "../dom";
import type { Child } from "../dom";

/** Larger files are downloaded, not shown. */
const MOST_BYTES = 1_000_000;
const PICTURES = /\.(png|jpe?g|gif|webp)$/i;

export async function contentView(history: VersionHistory, version: string, file: FileInfo): Promise<Child> {
  if (PICTURES.test(file.path)) {
    // Not by its address: what people keep in a workspace is sent as a download only.
    const data = await (await history.read(version, file.path)).blob();
    const address = URL.createObjectURL(data);
    const image = h("img", { src: address, alt: file.path });
    image.addEventListener("load", () => URL.revokeObjectURL(address));
    return image;
  }
  if (file.size > MOST_BYTES)
    return h("p", { class: "note" }, "This file is too large to be shown; download it.");
  const text = await (await history.read(version, file.path)).text();
  if (text.includes("\0")) return h("p", { class: "note" }, "This file is no text; download it.");
  return (
    (file.path.endsWith(".ipynb") && worksheet(text)) || h("pre", { tabindex: 0, class: "shown-text" }, text)
  );
}

function worksheet(text: string): Child {
  try {
    const { cells } = JSON.parse(text) as { cells: JsonObject[] };
    return cells.map((cell) =>
      h(
        "section",
        { class: "shown-cell" },
        h("pre", { tabindex: 0, class: "shown-text" }, joined(cell["source"])),
        outputs(cell).map((output) => h("pre", { tabindex: 0, class: "shown-output" }, output)),
      ),
    );
  } catch {
    return null; // It is no worksheet, whatever it is called: shown as text.
  }
}

/** The texts among a cell's outputs; others are named. */
function outputs(cell: JsonObject): string[] {
  const found = Array.isArray(cell["outputs"]) ? (cell["outputs"] as JsonObject[]) : [];
  return found.map((output) => {
    if (output["output_type"] === "stream") return joined(output["text"]);
    if (output["output_type"] === "error") return `${String(output["ename"])}: ${String(output["evalue"])}`;
    const data = (output["data"] ?? {}) as JsonObject;
    return joined(data["text/plain"]) || `[${Object.keys(data).join(", ")}]`;
  });
}

function joined(text: unknown): string {
  return Array.isArray(text) ? text.join("") : typeof text === "string" ? text : "";
}
