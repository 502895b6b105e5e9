/** Sessions: what is known of each session of a workspace, kept from its stream. */

import type { Frame, PendingInputRecord, SessionState, Snapshot } from "./messages";

/** What a session does: none = it was never started here; waiting = for a free place on the worker. */
export type SessionPhase = "none" | "waiting" | "starting" | "idle" | "busy" | "ended";

/** A session, as it is now. */
export interface SessionView {
  /** Its name; a worksheet's session has the document's id. */
  readonly session: string;
  readonly state: SessionPhase;
  /** Since when it is in this state, by the clock of this machine: Unix time in milliseconds. */
  readonly since: number;
  /** "" = not known. */
  readonly environment: string;
  readonly document: string;
  /** Where it is `waiting`: its place in the queue (1 = next); 0 = not said. */
  readonly place: number;
  /** Where it has `ended`: why, for people ("memory limit 1 GiB"). */
  readonly reason: string;
  /** Where it has `ended`: why, for programs ("limit", "idle", "died", "shutdown", ...). */
  readonly code: string;
}

/** A program that waits for a line from a person. */
export type PendingInput = PendingInputRecord;

/** The sessions of one workspace. */
export class Sessions {
  readonly #sessions = new Map<string, SessionView>();
  readonly #inputs = new Map<string, PendingInput>();

  /** The session with this name; one that was never heard of has the state `none`. */
  get(session: string): SessionView {
    return this.#sessions.get(session) ?? newSession(session);
  }

  /** All sessions that were heard of. */
  all(): SessionView[] {
    return [...this.#sessions.values()];
  }

  /** What the session's program waits for, or null. */
  input(session: string): PendingInput | null {
    return this.#inputs.get(session) ?? null;
  }

  /** The line was sent, or is not wanted any more. */
  dropInput(session: string): boolean {
    return this.#inputs.delete(session);
  }

  /** Forgets everything and takes what the snapshot has; those that ended are kept, with their reason. */
  restore(snapshot: Snapshot, now: number): void {
    const names = new Set(snapshot.sessions.map((state) => state.session));
    for (const [name, view] of this.#sessions) {
      if (names.has(name)) continue;
      if (view.state === "waiting" || view.state === "starting") this.#sessions.delete(name);
      else if (view.state !== "ended") this.#end(view, "The session is gone.", "worker", now);
    }
    for (const state of snapshot.sessions) this.#sessions.set(state.session, fromState(state, now));
    this.#inputs.clear();
    for (const input of snapshot.inputs) this.#inputs.set(input.session, input);
  }

  /** Obeys one event. Returns the names of the sessions whose state or input changed. */
  apply(frame: Frame, now: number): string[] {
    if (!frame.session) return [];
    const input = this.#applyInput(frame);
    return this.#applyState(frame, now) || input ? [frame.session] : [];
  }

  #applyInput(frame: Frame): boolean {
    if (frame.type === "input_request") {
      const { prompt, password } = frame.content;
      this.#inputs.set(frame.session, { session: frame.session, run: frame.run, prompt, password });
      return true;
    }
    const over = [
      "run_ended",
      "session_ended",
      "session_started",
      "stream",
      "display_data",
      "execute_result",
    ];
    return over.includes(frame.type) && this.#inputs.delete(frame.session);
  }

  #applyState(frame: Frame, now: number): boolean {
    const view = this.get(frame.session);
    switch (frame.type) {
      case "waiting":
        return this.#become(view, "waiting", now, { place: frame.content.place });
      case "session_started":
        return this.#become(view, view.state === "busy" ? "busy" : "idle", now, {
          environment: frame.content.environment,
          document: frame.content.document,
        });
      case "session_ended":
        if (frame.content.code !== "restart")
          return this.#end(view, frame.content.reason, frame.content.code, now);
        return this.#become(view, "starting", now, { reason: frame.content.reason });
      case "run_queued":
        return (view.state === "none" || view.state === "ended") && this.#become(view, "starting", now);
      case "status":
        return (
          view.state !== frame.content.execution_state &&
          this.#become(view, frame.content.execution_state, now)
        );
      case "run_started":
        return view.state !== "busy" && this.#become(view, "busy", now);
      case "run_ended":
        return view.state === "busy" && this.#become(view, "idle", now);
      default:
        return false;
    }
  }

  #become(view: SessionView, state: SessionPhase, now: number, more: Partial<SessionView> = {}): true {
    this.#sessions.set(view.session, { ...view, place: 0, reason: "", code: "", ...more, state, since: now });
    return true;
  }

  #end(view: SessionView, reason: string, code: string, now: number): true {
    this.#inputs.delete(view.session);
    return this.#become(view, "ended", now, { reason, code });
  }
}

function newSession(session: string): SessionView {
  return { session, state: "none", since: 0, environment: "", document: "", place: 0, reason: "", code: "" };
}

function fromState(state: SessionState, now: number): SessionView {
  const since = Math.min(state.since * 1000 || now, now);
  const { session, environment, document } = state;
  return { ...newSession(session), environment, document, state: state.state, since };
}
