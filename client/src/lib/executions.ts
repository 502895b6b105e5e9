/** Executions: runs outside of any document that somebody here waits for. */

import type { CellRun } from "./cellrun";

interface Execution {
  readonly onOutput: ((run: CellRun) => void) | undefined;
  resolve(run: CellRun): void;
}

export class Executions {
  readonly #waiting = new Map<string, Execution>();

  /** Resolves when the run has ended. @param known what is known of it already. */
  ended(run: string, known: CellRun | undefined, onOutput?: (run: CellRun) => void): Promise<CellRun> {
    return new Promise((resolve) => {
      this.#waiting.set(run, { onOutput, resolve });
      if (known) this.changed(known);
    });
  }

  /** The state or output of a run changed. */
  changed(run: CellRun): void {
    const execution = this.#waiting.get(run.run);
    if (!execution) return;
    execution.onOutput?.(run);
    if (run.status === "queued" || run.status === "running") return;
    this.#waiting.delete(run.run);
    execution.resolve(run);
  }
}
