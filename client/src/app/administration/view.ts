/** View: one part of the administrator's page, which loads what it shows whenever it is told to. */

import type { Administration } from "../../lib/administration";
import type { App } from "../app";
import type { Messages } from "../pages/shell";

export interface View {
  /** What is chosen and made; stays as it is when data comes. */
  readonly controls: HTMLElement | null;
  /** What was loaded. */
  readonly shown: HTMLElement;
  /** Between two loads. */
  readonly seconds: number;
  /** Asks the site and shows the answer. */
  load(): Promise<void>;
  close?(): void;
}

/** What a view works with. */
export interface Surroundings {
  readonly app: App;
  readonly administration: Administration;
  readonly messages: Messages;
  /** Loads again now. */
  readonly reload: () => Promise<void>;
}

/** Waits until nobody has typed for a moment. */
export function whenQuiet(action: () => void, milliseconds = 250): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
}
