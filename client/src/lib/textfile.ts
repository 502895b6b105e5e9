/** TextFile: a live text file that is no worksheet. */

import type * as Y from "yjs";
import { SharedFile } from "./sharedfile";
import type { SharedFileEvents, SharedFileParts } from "./sharedfile";

export type TextFileEvents = SharedFileEvents;

/** Made by `Workspace.openText`. */
export class TextFile extends SharedFile<TextFileEvents> {
  /** The shared text; it has line feeds only. */
  readonly text: Y.Text;

  constructor(parts: SharedFileParts) {
    super(parts);
    this.text = this.doc.getText("text");
  }
}
