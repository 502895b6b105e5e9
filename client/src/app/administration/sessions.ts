/** Sessions: what is open and what runs on all workers, whose it is, and ending it. */

import type { OpenWorkspace, OpenWorkspaces } from "../../lib/administration";
import type { SessionState } from "../../lib/index";
import { environmentTitle } from "../addresses";
import { h } from "../dom";
import { wholeDurationText } from "../output/sizes";
import { confirm } from "../pages/dialogs";
import { button, message } from "../pages/shell";
import { row, showAgain, state, table } from "./table";
import { whenQuiet } from "./view";
import type { Surroundings, View } from "./view";

const COLUMNS = [
  { title: "Workspace" },
  { title: "Owner" },
  { title: "Worker" },
  { title: "People", number: true },
  { title: "Session" },
  { title: "State" },
  { title: "Actions", hidden: true },
];

export class SessionsView implements View {
  readonly controls: HTMLElement;
  readonly shown = h("div", { class: "shown" });
  readonly seconds = 5;
  readonly #around: Surroundings;
  readonly #text = h("input", {
    type: "search",
    "aria-label": "Filter by workspace, owner or worker",
    placeholder: "Workspace, owner or worker",
    autocomplete: "off",
  });
  readonly #busy = h("input", { type: "checkbox", id: "only-busy" });
  #found: OpenWorkspaces = { workspaces: [], silent: [] };

  constructor(around: Surroundings) {
    this.#around = around;
    this.#text.addEventListener(
      "input",
      whenQuiet(() => this.#show()),
    );
    this.#busy.addEventListener("change", () => this.#show());
    const busy = h("label", { class: "check" }, this.#busy, "Only what runs");
    this.controls = h("div", { class: "controls", role: "search" }, this.#text, busy);
  }

  async load(): Promise<void> {
    this.#found = await this.#around.administration.workspaces();
    this.#show();
  }

  #show(): void {
    const { workspaces, silent } = this.#found;
    const wanted = wantedWorkspaces(workspaces, this.#text.value, this.#busy.checked);
    const rows = wanted.flatMap((one) =>
      one.sessions.length > 0
        ? one.sessions.map((session) => this.#row(one, session))
        : [this.#row(one, null)],
    );
    showAgain(
      this.shown,
      silent.length > 0 &&
        message(
          "warning",
          h("span", {}, `Nothing is known of ${silent.join(", ")}: no answer comes from there.`),
        ),
      h("p", { class: "note", role: "status" }, sessionsText(wanted, workspaces)),
      rows.length > 0 && table("Open workspaces and their sessions", COLUMNS, rows),
    );
  }

  #row(one: OpenWorkspace, session: SessionState | null): HTMLElement {
    const name = one.name || one.workspace;
    let act: HTMLElement | null = null;
    if (session) {
      act = button("End", () => void this.#end(one, session), { class: "small" });
      act.dataset["key"] = `end ${one.workspace} ${session.session}`;
      act.setAttribute("aria-label", `End the session of ${name} by ${one.owner_name}`);
    }
    return row(`${one.workspace} ${session?.session ?? ""}`, COLUMNS, [
      [name, h("span", { class: "note below" }, `open for ${sinceText(one.since)}`)],
      one.owner_name || "–",
      one.worker,
      one.people,
      session ? environmentTitle(session.environment) : h("span", { class: "note" }, "none"),
      session ? sessionState(session) : "–",
      act,
    ]);
  }

  async #end(one: OpenWorkspace, session: SessionState): Promise<void> {
    const title = `End a session of ${one.owner_name || "somebody"}?`;
    const text =
      `What runs in “${one.name}” is stopped, and what it computed is lost. Worksheets, their outputs and files are ` +
      "kept. Who uses it is told that you ended it.";
    if (!(await confirm({ title, text, yes: "End the session", dangerous: true }))) return;
    await this.#around.messages.attempt(() =>
      this.#around.administration.endSession(one.workspace, session.session),
    );
    await this.#around.reload();
  }
}

function sessionState({ state: name, since }: SessionState): HTMLElement {
  const tone = name === "busy" ? "good" : name === "idle" ? "quiet" : "waiting";
  return state(tone, `${name} for ${sinceText(since)}`);
}

/** By the clock of this browser, which may differ from the worker's. */
function sinceText(since: number): string {
  return wholeDurationText(Date.now() - 1000 * since);
}

/** Those in which each word is in a name, and (if wanted) something runs. */
export function wantedWorkspaces(
  workspaces: readonly OpenWorkspace[],
  text: string,
  onlyBusy: boolean,
): OpenWorkspace[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return workspaces
    .map((one) =>
      onlyBusy ? { ...one, sessions: one.sessions.filter((session) => session.state === "busy") } : one,
    )
    .filter((one) => !onlyBusy || one.sessions.length > 0)
    .filter((one) => {
      const names = `${one.name} ${one.workspace} ${one.owner_name} ${one.worker}`.toLowerCase();
      return words.every((word) => names.includes(word));
    });
}

/** "3 workspaces are open, with 4 sessions, of which 1 runs something." */
export function sessionsText(wanted: readonly OpenWorkspace[], all: readonly OpenWorkspace[]): string {
  if (all.length === 0) return "No workspace is open.";
  if (wanted.length === 0) return `Nothing of that is among the ${all.length} open workspaces.`;
  const sessions = wanted.flatMap((one) => one.sessions);
  const busy = sessions.filter((one) => one.state === "busy").length;
  const open = wanted.length === 1 ? "1 workspace is open" : `${wanted.length} workspaces are open`;
  const have = sessions.length === 1 ? "1 session" : `${sessions.length} sessions`;
  return `${open}, with ${have}, of which ${busy} ${busy === 1 ? "is" : "are"} busy.`;
}
