/** Overview: whether all is well, and every part of the site with what it does. */

import type { BackendInfo, SiteState, WorkerInfo } from "../../lib/administration";
import { h } from "../dom";
import type { Child } from "../dom";
import { bytesText, wholeDurationText } from "../output/sizes";
import { confirm } from "../pages/dialogs";
import { button, message } from "../pages/shell";
import { row, showAgain, state, table, usage, withCode } from "./table";
import { troubles } from "./troubles";
import type { Surroundings, View } from "./view";

const WORKERS = [
  { title: "Worker" },
  { title: "State" },
  { title: "Sessions" },
  { title: "Waiting", number: true },
  { title: "Workspaces", number: true },
  { title: "Version" },
  { title: "Heard" },
  { title: "Actions", hidden: true },
];
const BACKENDS = [
  { title: "Backend" },
  { title: "State" },
  { title: "Connections" },
  { title: "Version" },
  { title: "Heard" },
];

export class Overview implements View {
  readonly controls = null;
  readonly shown = h("div", { class: "shown" });
  readonly seconds = 5;
  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  async load(): Promise<void> {
    const site = await this.#around.administration.site();
    showAgain(
      this.shown,
      verdict(site),
      figures(site),
      section(
        "Workers",
        table(
          "Workers",
          WORKERS,
          site.workers.map((one) => this.#worker(one, site)),
        ),
      ),
      section(
        "Backends",
        table(
          "Backends",
          BACKENDS,
          site.backends.map((one) => backend(one, site)),
        ),
      ),
      section("Other parts", parts(site)),
      h("p", { class: "note" }, withCode(aboutText(site))),
    );
  }

  #worker(one: WorkerInfo, site: SiteState): HTMLElement {
    const draining = one.state === "draining";
    const others = site.workers.filter(
      (other) => other.id !== one.id && other.connected && other.state === "ready",
    );
    const act = draining
      ? button("Use again", () => void this.#undrain(one), { class: "small" })
      : button("Drain", () => void this.#drain(one), { class: "small" });
    act.dataset["key"] = `drain ${one.id}`;
    act.setAttribute("aria-label", draining ? `Use again: ${one.id}` : `Drain ${one.id}`);
    const possible = draining || others.length > 0;
    return row(one.id, WORKERS, [
      one.id,
      workerState(one),
      one.sessions === null
        ? "not known"
        : usage(one.sessions, one.capacity, `${one.sessions} of ${one.capacity}`),
      one.waiting ?? "–",
      one.workspaces,
      one.version,
      heard(one.connected, one.heard_seconds),
      possible ? act : h("span", { class: "note" }, "the only one"),
    ]);
  }

  async #drain(one: WorkerInfo): Promise<void> {
    const text =
      `${one.id} gets nothing new. Each workspace that is open there goes on on another worker as soon as nothing ` +
      "runs in it. “Use again” takes it back.";
    if (!(await confirm({ title: `Drain ${one.id}?`, text, yes: "Drain" }))) return;
    await this.#around.messages.attempt(() => this.#around.administration.drain(one.id));
    await this.#around.reload();
  }

  async #undrain(one: WorkerInfo): Promise<void> {
    await this.#around.messages.attempt(() => this.#around.administration.undrain(one.id));
    await this.#around.reload();
  }
}

function verdict(site: SiteState): HTMLElement {
  const found = troubles(site);
  if (found.length === 0)
    return h("p", { class: "verdict", "data-testid": "verdict" }, state("good", "All is well"));
  return h(
    "div",
    { "data-testid": "verdict" },
    found.map(({ level, text }) => message(level, withCode(text))),
  );
}

function figures(site: SiteState): HTMLElement {
  const connected = site.workers.filter((one) => one.connected);
  const sum = (values: readonly (number | null)[]): number =>
    values.reduce<number>((all, one) => all + (one ?? 0), 0);
  const places = sum(connected.map((one) => one.capacity));
  const live = sum(
    site.backends.map((one) =>
      one.id === site.myself.id ? site.myself.live_connections : one.answers ? one.connections : 0,
    ),
  );
  const all: [string, string, string][] = [
    ["Users", String(site.accounts), ""],
    ["Live connections", String(live), `${site.backends.filter((one) => one.answers).length} backends`],
    ["Sessions", String(sum(connected.map((one) => one.sessions))), `of ${places}`],
    ["Open workspaces", String(sum(connected.map((one) => one.workspaces))), `${connected.length} workers`],
    [
      "Load",
      String(site.machine.load[0] ?? "–"),
      `${site.machine.processors} processors of ${site.machine.host}`,
    ],
  ];
  return h(
    "dl",
    { class: "figures" },
    all.map(([name, value, about]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, value, h("span", { class: "note" }, about))),
    ),
  );
}

function backend(one: BackendInfo, site: SiteState): HTMLElement {
  const itself = one.id === site.myself.id;
  const connections = itself ? site.myself.live_connections : one.connections;
  const shown = one.state === "draining" ? state("waiting", "stops") : state("good", "ready");
  return row(one.id, BACKENDS, [
    itself ? [one.id, h("span", { class: "note" }, " answers here")] : one.id,
    one.answers || one.state === "draining" ? shown : state("bad", "does not answer"),
    usage(connections, one.capacity, `${connections} of ${one.capacity}`),
    one.version,
    heard(itself, one.heard_seconds),
  ]);
}

function parts({ database, log_server, myself, machine }: SiteState): HTMLElement {
  const used = machine.memory_bytes - machine.memory_available_bytes;
  const disk = machine.disk_bytes - machine.disk_free_bytes;
  const log = !log_server.there
    ? state("quiet", "this site has none: its log is in its data folder")
    : log_server.answers
      ? state("good", "answers")
      : state("bad", "does not answer");
  const all: [string, Child][] = [
    ["Database", databaseParts(database)],
    ["Log server", log],
    [
      "This backend",
      `process ${myself.pid}, up ${wholeDurationText(1000 * myself.up_seconds)}, ${bytesText(myself.memory_bytes)}`,
    ],
    [
      "Certificate",
      myself.certificate_ends === null ? "none" : `ends on ${dateText(myself.certificate_ends)}`,
    ],
    ["Load", `${machine.load.join(", ")} (1, 5, 15 min) on ${machine.processors} processors`],
    ["Memory", usage(used, machine.memory_bytes, `${bytesText(used)} of ${bytesText(machine.memory_bytes)}`)],
    ["Disk", usage(disk, machine.disk_bytes, `${bytesText(disk)} of ${bytesText(machine.disk_bytes)}`)],
  ];
  return h(
    "dl",
    { class: "parts" },
    all.map(([name, what]) => h("div", {}, h("dt", {}, name), h("dd", {}, what))),
  );
}

function databaseParts(database: SiteState["database"]): Child {
  const kind = database.kind === "postgresql" ? "PostgreSQL" : "SQLite";
  const about = `${kind}, ${bytesText(database.size_bytes)}, answered in ${database.answered_in_milliseconds} ms`;
  return [
    state(database.migration_pending ? "bad" : "good", about),
    database.migration_pending ? ", migration pending" : `, tables ${database.tables}`,
  ];
}

/** Who knows this; and who knows more. */
function aboutText({ solo, myself }: SiteState): string {
  const more = solo ? "" : " `sagews status` also asks every process on every machine itself.";
  return `As ${myself.id} sees it.${more}`;
}

function workerState(one: WorkerInfo): HTMLElement {
  if (one.state === "stopped") return state("quiet", "stopped");
  if (!one.connected) return state("bad", "does not answer");
  return one.state === "draining" ? state("waiting", "drained") : state("good", "ready");
}

/** What is connected is heard all the time; what is not was noted in the database. */
function heard(now: boolean, seconds: number): string {
  return now ? "now" : `${wholeDurationText(1000 * seconds)} ago`;
}

function section(title: string, ...content: Child[]): HTMLElement {
  return h("section", {}, h("h2", {}, title), content);
}

function dateText(iso: string): string {
  return new Date(iso).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
}
