/** Log: what the components of the site said, the newest first. */

import type { LogFound, LogRecordInfo, LogSought } from "../../lib/administration";
import { h } from "../dom";
import { message } from "../pages/shell";
import { showAgain } from "./table";
import { whenQuiet } from "./view";
import type { Surroundings, View } from "./view";

const COMPONENTS = ["backend", "worker", "logserver", "admin"];
const LEVELS = ["debug", "info", "warning", "error", "critical"];
const TIMES: readonly (readonly [string, number])[] = [
  ["15 minutes", 15],
  ["1 hour", 60],
  ["24 hours", 24 * 60],
  ["7 days", 7 * 24 * 60],
  ["All", 0],
];
const AT_MOST = 200;
/** Says the same as the event. */
const LEFT_OUT = ["action"];

export class LogView implements View {
  readonly controls: HTMLElement;
  readonly shown = h("div", { class: "shown" });
  readonly seconds = 5;
  readonly #around: Surroundings;
  readonly #text = h("input", {
    type: "search",
    "aria-label": "Words in the log",
    placeholder: "Words",
    autocomplete: "off",
    maxlength: 200,
  });
  readonly #workspace = h("input", {
    type: "search",
    "aria-label": "Id of a workspace",
    placeholder: "Workspace’s id",
    autocomplete: "off",
    maxlength: 200,
  });
  readonly #component = h(
    "select",
    { "aria-label": "Component" },
    h("option", { value: "" }, "All components"),
    COMPONENTS.map((name) => h("option", { value: name }, name)),
  );
  readonly #level = h(
    "select",
    { "aria-label": "Level" },
    LEVELS.map((name) => h("option", { value: name, selected: name === "info" }, `${name} and above`)),
  );
  readonly #minutes = h(
    "select",
    { "aria-label": "Time" },
    TIMES.map(([name, minutes]) => h("option", { value: minutes, selected: minutes === 60 }, name)),
  );
  #last = "";

  constructor(around: Surroundings) {
    this.#around = around;
    const search = (): void => void around.reload();
    for (const input of [this.#text, this.#workspace]) input.addEventListener("input", whenQuiet(search));
    for (const select of [this.#component, this.#level, this.#minutes])
      select.addEventListener("change", search);
    this.controls = h(
      "div",
      { class: "controls", role: "search" },
      this.#text,
      this.#component,
      this.#level,
      this.#minutes,
      this.#workspace,
    );
  }

  async load(): Promise<void> {
    const found = await this.#around.administration.log(this.#sought());
    // Nothing is moved under who reads where nothing is new.
    const now = JSON.stringify([found.kept, found.records.map(({ id }) => id)]);
    if (now === this.#last) return;
    this.#last = now;
    this.controls.hidden = !found.kept;
    showAgain(this.shown, shownLog(found));
  }

  #sought(): LogSought {
    const minutes = Number(this.#minutes.value);
    return {
      text: this.#text.value.trim(),
      workspace: this.#workspace.value.trim(),
      component: this.#component.value,
      level: this.#level.value,
      since: minutes ? new Date(Date.now() - minutes * 60_000).toISOString() : "",
      limit: String(AT_MOST),
    };
  }
}

function shownLog({ kept, records }: LogFound): HTMLElement[] {
  if (!kept) {
    const text =
      "This site has no log server: its log is what the terminal shows, and what is in the folder “log” of its data.";
    return [message("info", h("span", {}, text))];
  }
  if (records.length === 0)
    return [h("p", { class: "note", role: "status" }, "Nothing like that was logged.")];
  const count =
    records.length < AT_MOST ? `${records.length} records.` : `The newest ${AT_MOST} records are shown.`;
  return [
    h("p", { class: "note" }, count),
    h("ol", { class: "log", "aria-label": "Log, the newest first" }, records.map(recordRow)),
  ];
}

function recordRow(record: LogRecordInfo): HTMLElement {
  const fields = fieldsText(record);
  return h(
    "li",
    { class: `log-record ${record.level}`, "data-row": record.id },
    h("time", { datetime: record.at }, timeText(record.at)),
    h("span", { class: "log-component" }, record.component),
    h("span", { class: "log-level" }, record.level),
    h("span", { class: "log-event" }, record.event, fields && h("span", { class: "log-fields" }, fields)),
    record.traceback &&
      h(
        "details",
        { "data-key": `traceback ${record.id}` },
        h("summary", { "data-key": `summary ${record.id}` }, "Traceback"),
        h("pre", {}, record.traceback),
      ),
  );
}

/** "session=s1  pid=17" */
export function fieldsText({ fields, workspace }: Pick<LogRecordInfo, "fields" | "workspace">): string {
  const all = workspace && !("workspace" in fields) ? { workspace, ...fields } : fields;
  return Object.entries(all)
    .filter(([name]) => !LEFT_OUT.includes(name))
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("  ");
}

/** In the browser's time zone: "24 Nov 13:05:22.123". */
function timeText(iso: string): string {
  const time = new Date(iso);
  const day = time.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  const clock = time.toLocaleTimeString("en-GB");
  return `${day} ${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
