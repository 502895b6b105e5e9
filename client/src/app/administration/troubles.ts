/** Troubles: what of a site's state needs somebody's attention, in words. Pure. */

import type { SiteState } from "../../lib/administration";
import { bytesText, wholeDurationText } from "../output/sizes";

export interface Trouble {
  readonly level: "warning" | "error";
  readonly text: string;
}

const DAY = 86_400_000;
/** As `sagews status` has it. */
const CERTIFICATE_DAYS = 21;
const DISK_FREE = 0.1;
const MEMORY_FREE = 0.05;
/** Processes for each processor, over five minutes. */
const BUSY = 4;
const SLOW_MILLISECONDS = 500;

/** The worst first. */
export function troubles(state: SiteState): Trouble[] {
  const found = [...ofWorkers(state), ...ofBackends(state), ...ofParts(state), ...ofMachine(state)];
  return found.sort((one, two) => Number(two.level === "error") - Number(one.level === "error"));
}

function* ofWorkers({ workers, myself }: SiteState): Generator<Trouble> {
  if (workers.length === 0)
    yield { level: "error", text: "No worker has answered yet: nothing can be evaluated." };
  for (const one of workers) {
    const heard = wholeDurationText(1000 * one.heard_seconds);
    if (!one.connected && one.state !== "stopped") {
      const text = `${one.id} is not connected to ${myself.id}; it was last heard of ${heard} ago.`;
      yield { level: "error", text };
    }
    if (one.waiting)
      yield { level: "warning", text: `${one.id} is full: ${waits(one.waiting)} for a place.` };
  }
  const useful = workers.filter((one) => one.connected && one.state === "ready");
  if (workers.some((one) => one.connected) && useful.length === 0)
    yield { level: "error", text: "Every worker is drained: no workspace can be opened." };
}

function waits(count: number): string {
  return count === 1 ? "1 session waits" : `${count} sessions wait`;
}

function* ofBackends({ backends, workers, myself }: SiteState): Generator<Trouble> {
  for (const one of backends) {
    if (one.answers || one.state === "draining") continue;
    const heard = wholeDurationText(1000 * one.heard_seconds);
    yield { level: "error", text: `${one.id} does not answer; it was last heard of ${heard} ago.` };
  }
  const alive = [...backends.filter((one) => one.answers), ...workers.filter((one) => one.connected)];
  const versions = new Set([myself.version, ...alive.map((one) => one.version)]);
  if (versions.size > 1)
    yield { level: "warning", text: `Different versions run: ${[...versions].sort().join(", ")}.` };
}

function* ofParts({ database, log_server, myself, at }: SiteState): Generator<Trouble> {
  if (database.migration_pending)
    yield { level: "error", text: "The database's tables are of another version: `sagews db migrate`." };
  if (database.answered_in_milliseconds > SLOW_MILLISECONDS)
    yield {
      level: "warning",
      text: `The database took ${Math.round(database.answered_in_milliseconds)} ms to answer.`,
    };
  if (log_server.there && !log_server.answers) {
    const text = `The log server does not answer (${log_server.what}) Records are kept until it does.`;
    yield { level: "warning", text };
  }
  if (myself.certificate_ends === null) return;
  const days = Math.floor((Date.parse(myself.certificate_ends) - 1000 * at) / DAY);
  if (days < 0)
    yield { level: "error", text: "The certificate of this backend has ended: `sagews certs renew`." };
  else if (days < CERTIFICATE_DAYS)
    yield {
      level: "warning",
      text: `The certificate of this backend ends in ${days} days: \`sagews certs renew\`.`,
    };
}

function* ofMachine({ machine }: SiteState): Generator<Trouble> {
  const { host, load, processors, disk_bytes, disk_free_bytes, memory_bytes, memory_available_bytes } =
    machine;
  if (disk_free_bytes < DISK_FREE * disk_bytes)
    yield {
      level: "error",
      text: `The disk of ${host} is nearly full: ${bytesText(disk_free_bytes)} are free.`,
    };
  if (memory_available_bytes < MEMORY_FREE * memory_bytes)
    yield {
      level: "error",
      text: `${host} is out of memory: ${bytesText(memory_available_bytes)} are left.`,
    };
  if ((load[1] ?? 0) > BUSY * processors)
    yield {
      level: "warning",
      text: `${host} has more to do than its ${processors} processors can: load ${load[1]}.`,
    };
}
