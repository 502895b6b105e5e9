/**
 * RunOrders: a worksheet's orders to run cells, each held until the server has the edits that it needs.
 *
 * A server that takes no edits for a while (its database is away) refuses a run that needs them; the edits are sent
 * again by themselves, and so is the run. Invariants: held orders keep their order; none is given at another epoch than
 * its own.
 */

import * as Y from "yjs";
import type { Attachment } from "./attachment";
import type { LiveDocument } from "./document";
import { Refused } from "./errors";

/** The cells of an order. */
export type Chosen = { readonly cells: readonly string[] } | { readonly all: true };

interface Holding {
  /** Ends with whether the orders still stand. */
  readonly over: Promise<boolean>;
  end(stands: boolean): void;
}

export class RunOrders {
  readonly #live: LiveDocument;
  readonly #attachment: Attachment;
  #holding: Holding | null = null;

  constructor(live: LiveDocument, attachment: Attachment) {
    this.#live = live;
    this.#attachment = attachment;
  }

  /** Queues cells with the text that they have now; resolves to the names of their runs, none where it was dropped. */
  async give(chosen: Chosen): Promise<readonly string[]> {
    this.#live.flush();
    const content = { document: this.#live.id, needs: Y.encodeStateVector(this.#live.doc), ...chosen };
    const { epoch } = this.#attachment;
    if (this.#holding && !(await this.#holding.over)) return [];
    for (;;) {
      if (this.#attachment.epoch !== epoch)
        throw new Refused("fenced", "The workspace was opened again before this was run.", "Run it again.");
      try {
        return (await this.#attachment.command("run_cells", content)).runs;
      } catch (error) {
        const early = error instanceof Refused && error.code === "conflict" && this.#live.unacknowledged > 0;
        if (!early) throw error;
      }
      if (!(await (this.#holding ??= this.#hold()).over)) return [];
    }
  }

  /** Takes back the orders that are held. */
  drop(): void {
    this.#holding?.end(false);
  }

  #hold(): Holding {
    let settle: (stands: boolean) => void = () => undefined;
    const over = new Promise<boolean>((resolve) => (settle = resolve));
    const unsubscribe = this.#live.on("acknowledged", (count) => count === 0 && end(true));
    const end = (stands: boolean): void => {
      unsubscribe();
      this.#holding = null;
      settle(stands);
    };
    return { over, end };
  }
}
