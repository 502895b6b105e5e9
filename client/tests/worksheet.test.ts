/** Promise: a worksheet does what its buttons say, and shows what the server has, over cuts and reloads. */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as Y from "yjs";

import { dumpFrame } from "../src/lib/messages";
import type { StorageLike } from "../src/lib/keepsakes";
import type { SagewsError } from "../src/lib/errors";
import { Site } from "../src/lib/site";
import type { Worksheet } from "../src/lib/worksheet";
import { Clock } from "./model/clock";
import { Network } from "./model/network";
import { ModelServer } from "./model/server";

class Memory implements StorageLike {
  readonly values = new Map<string, string>();

  get length(): number {
    return this.values.size;
  }
  key(index: number): string | null {
    return [...this.values.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    return this.values.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.values.set(key, value);
  }
  removeItem(key: string): void {
    this.values.delete(key);
  }
}

class World {
  readonly clock = new Clock();
  readonly server = new ModelServer(this.clock);
  readonly network = new Network(this.clock, this.server.accept);
  readonly sites: Site[] = [];

  site(client: string, storage?: StorageLike): Site {
    const site = new Site({
      addresses: ["http://a"],
      openSocket: this.network.open,
      timing: this.clock,
      client,
      storage,
    });
    site.connect();
    this.sites.push(site);
    return site;
  }

  open(site: Site): Promise<Worksheet> {
    return this.clock.settle(site.workspace("w").openWorksheet("x.ipynb", { create: true }));
  }

  /** What the server's database has. */
  journaled(worksheet: Worksheet): string[] {
    const doc = new Y.Doc();
    for (const update of this.server.stored.get(worksheet.id)?.journal ?? []) Y.applyUpdate(doc, update);
    return Object.values(doc.getMap("cells").toJSON() as { [id: string]: { source: string } }).map(
      ({ source }) => source,
    );
  }

  /** The runs that the server took. */
  ordered(): number {
    return this.server.obeyed.filter((line) => line.endsWith("run_cells")).length;
  }

  close(): void {
    for (const site of this.sites) site.close();
  }
}

test("cells are evaluated with the text that was typed just before", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const id = worksheet.insertCell("code", "1+1");
  worksheet.source(id).insert(3, "+1");
  const runs = await world.clock.settle(worksheet.run([id]));
  await world.clock.pass(10);
  const run = worksheet.outputs(id);
  assert.deepEqual(runs, [run?.run]);
  assert.equal(run?.status, "ok");
  assert.deepEqual(run?.outputs, [{ output_type: "stream", name: "stdout", text: "<1+1+1>" }]);
  world.close();
});

test("several edits within a moment are one update, and count as one until acknowledged", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const counts: number[] = [];
  worksheet.on("acknowledged", (count) => counts.push(count));
  const source = worksheet.source(worksheet.insertCell());
  for (const letter of "integrate") source.insert(source.length, letter);
  await world.clock.pass(1_000);
  assert.deepEqual(counts, [1, 0]);
  assert.equal(
    world.server.stored.get(worksheet.id)?.journal.length,
    2,
    "the empty worksheet, and one update",
  );
  assert.deepEqual(world.journaled(worksheet), ["integrate"]);
  world.close();
});

test("while the database is down edits are shown as unacknowledged, and cells run all the same", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  world.server.journalTime = Infinity;
  const id = worksheet.insertCell("code", "x");
  await world.clock.settle(worksheet.run([id]));
  await world.clock.pass(60_000);
  assert.equal(worksheet.outputs(id)?.status, "ok");
  assert.equal(worksheet.unacknowledged, 1);
  world.server.journalTime = 1;
  await world.clock.pass(1_000);
  assert.equal(worksheet.unacknowledged, 0);
  world.close();
});

test("two people see each other's cells, outputs and cursors", async () => {
  const world = new World();
  const mine = await world.open(world.site("me"));
  const site = world.site("you");
  const yours = await world.open(site);
  mine.awareness.setLocalStateField("user", { name: "Emmy" });
  yours.awareness.setLocalStateField("user", { name: "David" });
  const id = mine.insertCell("code", "2+2");
  await world.clock.settle(mine.run([id]));
  await world.clock.pass(200);
  assert.deepEqual(
    yours.cells.map(({ source }) => source.toString()),
    ["2+2"],
  );
  assert.deepEqual(yours.outputs(id)?.outputs, mine.outputs(id)?.outputs);
  const names = [...mine.awareness.getStates().values()].map(
    (state) => (state["user"] as { name: string }).name,
  );
  assert.deepEqual(names.sort(), ["David", "Emmy"]);
  assert.deepEqual(
    site.workspace("w").people.map(({ name }) => name),
    ["me", "you"],
  );
  assert.equal(site.workspace("w").role, "owner");

  site.close();
  await world.clock.pass(200);
  assert.equal(mine.awareness.getStates().size, 1, "who has gone has no cursor");
  world.close();
});

test("who comes later sees the cursors of those who are there", async () => {
  const world = new World();
  const mine = await world.open(world.site("me"));
  mine.awareness.setLocalStateField("user", { name: "Emmy" });
  await world.clock.pass(200);
  const yours = await world.open(world.site("you"));
  yours.awareness.setLocalStateField("user", { name: "David" });
  world.network.cutAll();
  await world.clock.pass(5_000);
  assert.equal(yours.awareness.getStates().size, 2);
  world.close();
});

test("outputs of a run that went on while nobody was connected are all there, once", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const id = worksheet.insertCell("code", "loop");
  await world.clock.settle(worksheet.run([id]));
  const { server } = world;
  server.tell("run_queued", { document: worksheet.id, cell: id }, { run: "long", session: worksheet.id });
  server.tell("run_started", { document: worksheet.id, cell: id }, { run: "long", session: worksheet.id });
  const print = (text: string) => server.tell("stream", { name: "stdout", text }, { run: "long" });
  print("1\n");
  await world.clock.pass(100);
  world.network.down.add("http://a");
  world.network.cutAll();
  print("2\n");
  await world.clock.pass(5_000);
  print("3\n");
  world.network.down.clear();
  await world.clock.pass(10_000);
  print("4\n");
  await world.clock.pass(100);
  assert.deepEqual(worksheet.outputs(id)?.outputs, [
    { output_type: "stream", name: "stdout", text: "1\n2\n3\n4\n" },
  ]);
  assert.equal(worksheet.outputs(id)?.status, "running");
  world.close();
});

test("a command given while offline is done once after the reconnection, and not at all at another epoch", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const id = worksheet.insertCell("code", "x");
  await world.clock.pass(1_000);

  world.network.cutAll();
  const first = worksheet.run([id]);
  await world.clock.settle(first);
  assert.equal(world.ordered(), 1);

  world.network.cutAll();
  const second = worksheet.run([id]);
  world.server.crashWorker();
  const heard: string[] = [];
  world.server.refuse = (frame) => void heard.push(frame.type);
  await assert.rejects(world.clock.settle(second), { name: "Refused", code: "fenced" });
  await world.clock.pass(1_000);
  assert(heard.includes("attach") && !heard.includes("run_cells"), "it is not even sent");
  assert.equal(world.ordered(), 1);
  await world.clock.settle(worksheet.run([id]));
  assert.equal(world.ordered(), 2);
  world.close();
});

test("what was typed offline, or was lost with a worker, is not lost", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  world.server.journalTime = Infinity;
  worksheet.insertCell("code", "before");
  await world.clock.pass(500);
  world.server.crashWorker();
  world.network.cutAll();
  worksheet.insertCell("code", "offline");
  world.server.journalTime = 1;
  await world.clock.pass(10_000);
  assert.equal(worksheet.unacknowledged, 0);
  assert.deepEqual(world.journaled(worksheet).sort(), ["before", "offline"]);
  world.close();
});

test("what was typed and not acknowledged survives a reload, and is then forgotten", async () => {
  const world = new World();
  const storage = new Memory();
  const site = world.site("tab", storage);
  const worksheet = await world.open(site);
  await world.clock.pass(1_000);
  world.network.down.add("http://a");
  world.network.cutAll();
  worksheet.insertCell("code", "typed offline");
  await world.clock.pass(100);
  site.close();
  assert.equal(storage.length, 1);
  assert.deepEqual(world.journaled(worksheet), []);

  world.network.down.clear();
  const reloaded = await world.open(world.site("tab after reload", storage));
  assert.deepEqual(
    reloaded.cells.map(({ source }) => source.toString()),
    ["typed offline"],
  );
  await world.clock.pass(1_000);
  assert.deepEqual(world.journaled(reloaded), ["typed offline"]);
  assert.equal(reloaded.unacknowledged, 0);
  assert.equal(storage.length, 0);
  world.close();
});

test("a storage that is full is reported, and edits are acknowledged all the same", async () => {
  const world = new World();
  const storage = new Memory();
  storage.setItem = () => {
    throw new Error("QuotaExceededError");
  };
  const site = world.site("me", storage);
  const problems: string[] = [];
  site.on("problem", ({ code }) => problems.push(code));
  const worksheet = await world.open(site);
  worksheet.insertCell("code", "x");
  await world.clock.pass(1_000);
  assert.equal(worksheet.unacknowledged, 0);
  assert(problems.includes("over_limit"));
  world.close();
});

test("an update that is refused for now is sent again; one that is refused for good is told", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const refusals: string[] = [];
  worksheet.on("refused", ({ code }) => refusals.push(code));
  worksheet.on("closed", (reason) => refusals.push(reason));
  let code = "unavailable";
  let count = 0;
  world.server.refuse = (frame) => (frame.type === "update" && (count += 1) ? code : undefined);
  worksheet.insertCell("code", "kept");
  await world.clock.pass(30_000);
  assert(count > 2 && count < 20, `${count} tries in 30 s`);
  assert.equal(worksheet.unacknowledged, 1);
  assert.deepEqual(refusals, []);
  world.server.refuse = () => undefined;
  await world.clock.pass(20_000);
  assert.deepEqual(world.journaled(worksheet), ["kept"]);

  world.server.refuse = (frame) => (frame.type === "update" && (count += 1) ? code : undefined);
  code = "not_allowed";
  count = 0;
  worksheet.insertCell("code", "not kept");
  await world.clock.pass(100);
  worksheet.insertCell("code", "not kept either");
  await world.clock.pass(30_000);
  assert.deepEqual(refusals, ["not_allowed", "The test wants it so."]);
  assert.equal(worksheet.unacknowledged, 0);
  assert.equal(count, 1);
  world.close();
});

test("a run whose edits are refused for now waits for them, and then runs once, in order", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const first = worksheet.insertCell("code", "1+1");
  await world.clock.pass(1_000);
  world.server.refuse = (frame) => (frame.type === "update" ? "unavailable" : undefined);
  worksheet.source(first).insert(3, "+1");
  const runs = [worksheet.run([first])];
  const second = worksheet.insertCell("code", "second");
  runs.push(worksheet.run([second]));
  await world.clock.pass(20_000);
  runs.push(worksheet.run([first]));
  await world.clock.pass(1_000);
  assert.equal(world.ordered(), 0);
  world.server.refuse = () => undefined;
  await world.clock.pass(20_000);
  const names = await Promise.all(runs);
  assert.deepEqual(names.flat(), ["r1", "r2", "r3"]);
  assert.equal(world.ordered(), 3);
  assert.equal(worksheet.outputs(first)?.outputs[0]?.["text"], "<1+1+1>");
  assert.equal(worksheet.outputs(second)?.outputs[0]?.["text"], "<second>");
  world.close();
});

test("a run that waits for its edits is taken back by an interrupt, and never runs at another epoch", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const id = worksheet.insertCell("code", "1");
  await world.clock.pass(1_000);
  world.server.refuse = (frame) => (frame.type === "update" ? "unavailable" : undefined);
  worksheet.source(id).insert(1, "2");
  const interrupted = worksheet.run([id]);
  await world.clock.pass(1_000);
  await world.clock.settle(worksheet.interrupt());
  assert.deepEqual(await interrupted, []);
  const late = assert.rejects(worksheet.run([id]), ({ code }: SagewsError) => code === "fenced");
  await world.clock.pass(1_000);
  world.server.crashWorker();
  world.server.refuse = () => undefined;
  await world.clock.pass(20_000);
  await late;
  assert.equal(world.ordered(), 0);
  assert.deepEqual(world.journaled(worksheet), ["12"]);
  world.close();
});

test("a worksheet that is opened again after a refusal is as the server has it, and can be edited", async () => {
  const world = new World();
  const storage = new Memory();
  const site = world.site("me", storage);
  const worksheet = await world.open(site);
  worksheet.insertCell("code", "kept");
  await world.clock.pass(1_000);
  world.server.refuse = (frame) => (frame.type === "update" ? "too_large" : undefined);
  worksheet.insertCell("code", "too much");
  await world.clock.pass(45);
  // Built on what is refused in this moment.
  worksheet.insertCell("code", "more");
  await world.clock.pass(10_000);
  world.server.refuse = () => undefined;
  assert.equal(storage.values.size, 0);

  const again = await world.open(site);
  assert.notEqual(again, worksheet);
  assert.deepEqual(
    again.cells.map(({ id }) => again.source(id).toString()),
    ["kept"],
  );
  again.insertCell("code", "later");
  await world.clock.pass(1_000);
  assert.equal(again.unacknowledged, 0);
  assert.deepEqual(world.journaled(again), ["kept", "later"]);
  world.close();
});

test("undo takes back what was done here, not what others did", async () => {
  const world = new World();
  const mine = await world.open(world.site("me"));
  const yours = await world.open(world.site("you"));
  mine.insertCell("code", "mine");
  await world.clock.pass(500);
  yours.insertCell("code", "yours");
  await world.clock.pass(500);
  mine.undo.undo();
  await world.clock.pass(500);
  for (const { cells } of [mine, yours]) {
    assert.deepEqual(
      cells.map(({ source }) => source.toString()),
      ["yours"],
    );
  }
  world.close();
});

test("the cells event tells of structure, not of text", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const counts: number[] = [];
  worksheet.on("cells", (cells) => counts.push(cells.length));
  const id = worksheet.insertCell("code", "a");
  worksheet.source(id).insert(1, "b");
  worksheet.setCellType(id, "markdown");
  const other = worksheet.insertCell("code", "c", 0);
  worksheet.moveCell(other, 1);
  assert.deepEqual(
    worksheet.cells.map(({ type, source }) => `${type} ${source.toString()}`),
    ["markdown ab", "code c"],
  );
  worksheet.deleteCell(other);
  assert.deepEqual(counts, [1, 1, 2, 2, 1]);
  assert.throws(() => worksheet.source(other), { code: "not_found" });
  world.close();
});

test("outputs are cleared for everyone", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const id = worksheet.insertCell("code", "a");
  await world.clock.settle(worksheet.runAll());
  await world.clock.pass(10);
  const told: unknown[] = [];
  worksheet.on("outputs", ({ cell, run }) => told.push([cell, run]));
  await world.clock.settle(worksheet.clearOutputs([id]));
  await world.clock.pass(10);
  assert.deepEqual(told, [[id, undefined]]);
  world.close();
});

test("the session's state and the reason of its end are told, and a new run shows that it starts again", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const { server, clock } = world;
  const session = worksheet.id;
  const states: string[] = [];
  worksheet.on("session", ({ state, reason }) => states.push(`${state} ${reason}`.trim()));
  server.tell("session_started", { environment: "sage", document: session }, { session });
  server.tell("status", { execution_state: "busy" }, { session });
  server.tell(
    "session_ended",
    { reason: "memory limit 1 GiB", code: "limit", document: session },
    { session },
  );
  await clock.pass(10);
  assert.deepEqual(states, ["idle", "busy", "ended memory limit 1 GiB"]);
  assert.equal(worksheet.session.code, "limit");
  server.tell("run_queued", { document: session, cell: "c" }, { session, run: "r" });
  await clock.pass(10);
  assert.equal(worksheet.session.state, "starting");
  world.close();
});

test("a program's question is told and answered", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const prompts: (string | undefined)[] = [];
  worksheet.on("input", (input) => prompts.push(input?.prompt));
  world.server.tell("input_request", { prompt: "n = " }, { session: worksheet.id, run: "r" });
  await world.clock.pass(10);
  assert.equal(worksheet.input?.prompt, "n = ");
  await world.clock.settle(worksheet.answerInput("7"));
  assert.deepEqual(prompts, ["n = ", undefined]);
  world.close();
});

test("completions count places as editors do, also beyond characters of two units", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const answer = await world.clock.settle(worksheet.complete("𝔽𝔽 = fac", 9));
  assert.deepEqual([answer.matches, answer.start, answer.end], [["factor"], 0, 9]);

  const lost = worksheet.complete("x", 1);
  world.network.cutAll();
  await assert.rejects(world.clock.settle(lost), { code: "unavailable" });
  world.close();
});

test("code is executed outside of a document, and its output told as it comes", async () => {
  const world = new World();
  const site = world.site("me");
  const texts: number[] = [];
  const run = await world.clock.settle(
    site.workspace("w").execute("scratch", "sage", "factor(12)", ({ outputs }) => texts.push(outputs.length)),
  );
  assert.equal(run.status, "ok");
  assert.deepEqual(run.outputs, [{ output_type: "stream", name: "stdout", text: "<factor(12)>" }]);
  assert.equal(texts.at(-1), 1);
  world.close();
});

test("a worksheet whose file is deleted is closed, and one that moves says where", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const told: string[] = [];
  worksheet.on("moved", (path) => told.push(path));
  worksheet.on("closed", (reason) => told.push(reason));
  world.server.tell("document_moved", { document: worksheet.id, path: "y.ipynb" });
  world.server.tell("document_moved", { document: worksheet.id, path: "" });
  await world.clock.pass(10);
  assert.deepEqual(told, ["y.ipynb", "The file was deleted."]);
  world.close();
});

test("a workspace that is refused says why, and one that is not to be had now is tried again", async () => {
  const world = new World();
  const workspace = world.site("me").workspace("w");
  let code = "worker_unavailable";
  world.server.refuse = (frame) => (frame.type === "attach" ? code : undefined);
  const attached = workspace.attach();
  await world.clock.pass(3_000);
  assert.notEqual(workspace.state.name, "attached");
  assert.notEqual(workspace.state.name, "refused");
  code = "not_allowed";
  await assert.rejects(world.clock.settle(attached), { code: "not_allowed" });
  assert.equal(workspace.state.name, "refused");
  world.server.refuse = () => undefined;
  await world.clock.settle(workspace.attach());
  await world.clock.settle(workspace.detach());
  assert.equal(workspace.state.name, "detached");
  world.close();
});

test("a reader that fell out of the replay buffer gets a snapshot and misses nothing", async () => {
  const world = new World();
  const mine = await world.open(world.site("me"));
  const yours = await world.open(world.site("you"));
  const id = mine.insertCell("code", "a");
  await world.clock.settle(mine.run([id]));
  world.server.replay = 0;
  world.network.cutAll();
  yours.insertCell("code", "b");
  await world.clock.pass(20_000);
  assert.deepEqual(
    mine.cells.map(({ source }) => source.toString()),
    ["a", "b"],
  );
  assert.deepEqual(mine.outputs(id)?.outputs, yours.outputs(id)?.outputs);
  assert.equal(mine.outputs(id)?.status, "ok");
  world.close();
});

test("an event that comes twice is heard once", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const id = worksheet.insertCell("code", "a");
  await world.clock.settle(worksheet.run([id]));
  await world.clock.pass(100);
  for (const event of world.server.stream.filter(({ type }) => type === "stream"))
    world.server.say(dumpFrame(event));
  await world.clock.pass(100);
  assert.deepEqual(worksheet.outputs(id)?.outputs, [{ output_type: "stream", name: "stdout", text: "<a>" }]);
  world.close();
});

test("what the server lacks of a worksheet it is given again", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  worksheet.insertCell("code", "acknowledged");
  await world.clock.pass(1_000);
  world.server.stored.get(worksheet.id)?.journal.splice(1);
  world.server.crashWorker();
  await world.clock.pass(10_000);
  assert.deepEqual(world.journaled(worksheet), ["acknowledged"]);
  world.close();
});

test("a worksheet that the server has not open any more is opened again, with what was typed meanwhile", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  worksheet.insertCell("code", "before");
  await world.clock.pass(1_000);
  world.network.cutAll();
  worksheet.insertCell("code", "meanwhile");
  world.server.crashWorker();
  world.server.documents.clear();
  await world.clock.pass(10_000);
  assert.equal(worksheet.unacknowledged, 0);
  assert.deepEqual(world.journaled(worksheet).sort(), ["before", "meanwhile"]);
  world.close();
});

test("a worksheet whose file is gone when it is opened again is closed, and says why", async () => {
  const world = new World();
  const worksheet = await world.open(world.site("me"));
  const reasons: string[] = [];
  worksheet.on("closed", (reason) => reasons.push(reason));
  world.server.refuse = (frame) => (frame.type === "open_document" ? "not_found" : undefined);
  world.server.crashWorker();
  world.server.documents.clear();
  await world.clock.pass(10_000);
  assert.equal(reasons.length, 1);
  world.close();
});
