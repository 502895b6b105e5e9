/** Timing: the clock, timers and chance that the library uses, so that tests can pass their own. */

/** A timer that was set; passed back to cancel it. */
export type Timer = unknown;

/** Where time and chance come from. */
export interface Timing {
  /** Milliseconds since 1970 (Unix time). */
  now(): number;
  /** Calls `action` once, `milliseconds` from now. */
  after(milliseconds: number, action: () => void): Timer;
  /** Lets a timer not happen; harmless when it has. */
  cancel(timer: Timer): void;
  /** A number from 0 to below 1. */
  chance(): number;
}

/** The clock and timers of the browser or Node. */
export const realTiming: Timing = {
  now: () => Date.now(),
  after: (milliseconds, action) => setTimeout(action, milliseconds),
  cancel: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  chance: () => Math.random(),
};
