/** Promise: the administrator's page says what is wrong, how old it is, and never that all is well where it is not. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { administrationAddress, placeOf } from "../src/app/addresses";
import { freshnessText } from "../src/app/administration/freshness";
import { fieldsText } from "../src/app/administration/log";
import { sessionsText, wantedWorkspaces } from "../src/app/administration/sessions";
import { troubles } from "../src/app/administration/troubles";
import { countText } from "../src/app/administration/users";
import type { BackendInfo, OpenWorkspace, SiteState, WorkerInfo } from "../src/lib/administration";

const worker: WorkerInfo = {
  id: "worker:0",
  address: "127.0.0.1:8931",
  state: "ready",
  capacity: 100,
  load: 0.01,
  workspaces: 1,
  version: "0.1.0",
  heard_seconds: 3,
  connected: true,
  sessions: 1,
  waiting: 0,
  environments: ["sage"],
};
const backend: BackendInfo = {
  id: "backend:0",
  address: "127.0.0.1:8911",
  state: "ready",
  capacity: 5000,
  load: 0,
  connections: 1,
  version: "0.1.0",
  heard_seconds: 3,
  answers: true,
};
const well: SiteState = {
  at: 1_800_000_000,
  site: "Sage Workspaces",
  solo: false,
  accounts: 3,
  myself: {
    id: "backend:0",
    version: "0.1.0",
    pid: 17,
    up_seconds: 60,
    memory_bytes: 100e6,
    live_connections: 1,
    certificate_ends: new Date(1_800_000_000_000 + 300 * 86_400_000).toISOString(),
  },
  machine: {
    host: "localhost",
    load: [0.5, 0.4, 0.3],
    processors: 2,
    memory_bytes: 16e9,
    memory_available_bytes: 8e9,
    disk_bytes: 100e9,
    disk_free_bytes: 50e9,
  },
  database: {
    kind: "postgresql",
    answered_in_milliseconds: 2,
    size_bytes: 8e6,
    tables: "0003",
    migration_pending: false,
  },
  log_server: { there: true, answers: true, what: "" },
  workers: [worker],
  backends: [backend],
};

function said(change: Partial<SiteState>): string {
  return troubles({ ...well, ...change })
    .map(({ level, text }) => `${level}: ${text}`)
    .join("\n");
}

test("nothing is wrong where nothing is", () => {
  assert.equal(said({}), "");
  assert.equal(said({ log_server: { there: false, answers: false, what: "" } }), "");
  assert.equal(said({ workers: [worker, { ...worker, id: "worker:1", state: "draining" }] }), "");
});

test("each part that is not well is named", () => {
  assert.match(said({ workers: [] }), /error: No worker/);
  const away = { ...worker, connected: false, sessions: null, waiting: null, heard_seconds: 90 };
  assert.match(said({ workers: [away] }), /error: worker:0 is not connected.* 1 min 30 s ago/);
  assert.match(said({ workers: [{ ...worker, state: "draining" }] }), /error: Every worker is drained/);
  assert.match(said({ workers: [{ ...worker, waiting: 1 }] }), /warning: worker:0 is full: 1 session waits/);
  const silent = { ...backend, id: "backend:1", answers: false, heard_seconds: 40 };
  assert.match(said({ backends: [backend, silent] }), /error: backend:1 does not answer.* 40 s ago/);
  assert.match(said({ backends: [{ ...backend, version: "0.2.0" }] }), /warning: .*0\.1\.0, 0\.2\.0/);
  assert.match(said({ database: { ...well.database, migration_pending: true } }), /error: .*db migrate/);
  assert.match(said({ database: { ...well.database, answered_in_milliseconds: 900 } }), /900 ms/);
  const log = { there: true, answers: false, what: "Connection refused." };
  assert.match(said({ log_server: log }), /warning: The log server does not answer \(Connection refused\.\)/);
  assert.match(said({ machine: { ...well.machine, disk_free_bytes: 1e9 } }), /error: The disk .*1 GB/);
  assert.match(said({ machine: { ...well.machine, memory_available_bytes: 1e6 } }), /out of memory/);
  assert.match(said({ machine: { ...well.machine, load: [1, 30, 20] } }), /load 30/);
});

test("a certificate is told three weeks before its end, and after it", () => {
  const ends = (days: number): string => {
    const certificate_ends = new Date(1000 * well.at + days * 86_400_000).toISOString();
    return said({ myself: { ...well.myself, certificate_ends } });
  };
  assert.equal(ends(22), "");
  assert.match(ends(20), /warning: .* ends in 20 days/);
  assert.match(ends(-1), /error: .* has ended/);
});

test("the worst comes first", () => {
  const found = troubles({
    ...well,
    workers: [{ ...worker, waiting: 3 }],
    backends: [{ ...backend, answers: false }],
  });
  assert.deepEqual(
    found.map(({ level }) => level),
    ["error", "warning"],
  );
});

test("what is old is called old", () => {
  assert.deepEqual(freshnessText(null, 5000, ""), { text: "Asking …", old: false });
  assert.deepEqual(freshnessText(4000, 5000, ""), { text: "Up to date", old: false });
  assert.deepEqual(freshnessText(16_000, 5000, ""), { text: "Not up to date: as of 16 s ago.", old: true });
  assert.equal(freshnessText(1000, 5000, "The site does not answer.").old, true);
  assert.match(freshnessText(null, 5000, "The site does not answer.").text, /Nothing is known: The site/);
});

const open: OpenWorkspace = {
  workspace: "w1",
  name: "Knots",
  owner: "a",
  owner_name: "Ada",
  worker: "worker:0",
  people: 1,
  since: 0,
  sessions: [
    { session: "d", environment: "sage", state: "busy", document: "d", since: 0 },
    { session: "e", environment: "sage", state: "idle", document: "e", since: 0 },
  ],
};
const quiet: OpenWorkspace = { ...open, workspace: "w2", name: "Primes", owner_name: "Emmy", sessions: [] };

test("open workspaces are found by each of their names", () => {
  const found = (text: string, onlyBusy = false): string[] =>
    wantedWorkspaces([open, quiet], text, onlyBusy).map((one) => one.workspace);
  assert.deepEqual(found(""), ["w1", "w2"]);
  assert.deepEqual(found("KNOTS ada"), ["w1"]);
  assert.deepEqual(found("knots emmy"), []);
  assert.deepEqual(found("", true), ["w1"]);
  assert.equal(wantedWorkspaces([open], "", true)[0]?.sessions.length, 1);
  assert.equal(
    sessionsText([open, quiet], [open, quiet]),
    "2 workspaces are open, with 2 sessions, of which 1 is busy.",
  );
  assert.equal(sessionsText([], []), "No workspace is open.");
  assert.equal(sessionsText([], [open]), "Nothing of that is among the 1 open workspaces.");
});

test("users are counted, also those that are not shown", () => {
  assert.equal(countText({ accounts: [], found: 0 }), "Nobody is found.");
  assert.match(countText({ accounts: [], found: 2345 }), /0 of 2,345 users are shown/);
});

test("a record's fields are one line", () => {
  assert.equal(
    fieldsText({ fields: { action: "x", pid: 7, what: "a b" }, workspace: null }),
    "pid=7  what=a b",
  );
  assert.equal(fieldsText({ fields: { pid: 7 }, workspace: "w" }), "workspace=w  pid=7");
});

test("the page's parts have addresses of their own", () => {
  assert.deepEqual(placeOf("/administration"), { page: "administration", view: "overview" });
  assert.deepEqual(placeOf("/administration", "?view=log"), { page: "administration", view: "log" });
  assert.deepEqual(placeOf("/administration", "?view=x"), { page: "administration", view: "overview" });
  assert.equal(administrationAddress("users"), "/administration?view=users");
});
