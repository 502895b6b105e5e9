/** SharedFile: what everyone who has a live file open shares, whatever kind of file it is. */

import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import type { Attachment } from "./attachment";
import type { LiveDocument } from "./document";
import type { SagewsError } from "./errors";
import { Emitter } from "./events";
import type { Unsubscribe } from "./events";
import type { WorkspaceNotice } from "./workspaceevents";

export interface SharedFileEvents {
  /** The number of edits that are not acknowledged. */
  acknowledged: number;
  notice: WorkspaceNotice;
  /** The file was written: Unix time in milliseconds. */
  saved: number;
  /** The file has another path. */
  moved: string;
  /** The server will not take what was edited here (for example not_allowed); `closed` follows: open it again. */
  refused: SagewsError;
  /** It is no more; the text says why ("" = it was closed here). */
  closed: string;
}

/** What a shared file is made of. */
export interface SharedFileParts {
  readonly live: LiveDocument;
  readonly attachment: Attachment;
  readonly onClose: () => void;
}

/** Opened by a `Workspace`: a `TextFile` or a `Worksheet`. */
export abstract class SharedFile<Events extends SharedFileEvents> extends Emitter<Events> {
  readonly id: string;
  /** The shared document, as docs/protocol.md defines it. */
  readonly doc: Y.Doc;
  readonly #parts: SharedFileParts;
  readonly #subscriptions: readonly Unsubscribe[];
  #closed = false;

  constructor(parts: SharedFileParts) {
    super();
    this.#parts = parts;
    const { live } = parts;
    this.id = live.id;
    this.doc = live.doc;
    this.#subscriptions = [
      live.on("acknowledged", (count) => this.#tell("acknowledged", count)),
      live.on("refused", (error) => this.#tell("refused", error)),
      live.on("moved", (path) => this.#tell("moved", path)),
      live.on("saved", (at) => this.#tell("saved", at)),
    ];
  }

  /** In the workspace, POSIX, relative. */
  get path(): string {
    return this.#parts.live.path;
  }

  /** Cursors and names of those who look at it. */
  get awareness(): Awareness {
    return this.#parts.live.awareness;
  }

  /** Edits that are not known to be kept by the server yet. */
  get unacknowledged(): number {
    return this.#parts.live.unacknowledged;
  }

  /** When the file was last written: Unix time in milliseconds; 0 = not while we looked. */
  get savedAt(): number {
    return this.#parts.live.savedAt;
  }

  /** Whether the file lacks edits, as far as was seen. */
  get unsaved(): boolean {
    return this.#parts.live.unsaved;
  }

  /** Writes the file now. Resolves when the server has taken the order; `saved` tells when it is done. */
  async save(): Promise<void> {
    this.#parts.live.flush();
    await this.#parts.attachment.command("save", { document: this.id });
  }

  /** Stops looking at it; what runs and waits on the server goes on. */
  close(reason = ""): void {
    if (this.#closed) return;
    this.#closed = true;
    this.letGo();
    this.#parts.live.flush();
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#parts.live.leave();
    this.#parts.onClose();
    this.#tell("closed", reason);
  }

  /** @internal */
  noticed(notice: WorkspaceNotice): void {
    this.#tell("notice", notice);
  }

  /** Is called once, when it is closed: ends what the kind of file has of its own. */
  protected letGo(): void {}

  #tell<Name extends keyof SharedFileEvents>(name: Name, event: SharedFileEvents[Name]): void {
    this.emit(name, event as Events[Name]);
  }
}
