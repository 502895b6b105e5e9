/** Promise: the same events make the same outputs here as on the worker (`sagews/worker/outputs.py`). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { frame as makeFrame } from "../src/lib/messages";
import type { CellRunRecord, ContentGiven, Frame, MessageType } from "../src/lib/messages";
import { Runs } from "../src/lib/runs";
import type { Output } from "../src/lib/cellrun";

class Told {
  readonly runs = new Runs();

  constructor() {
    this.tell("run_queued", { document: "d", cell: "c" });
    this.tell("run_started", { document: "d", cell: "c", at: 7 });
  }

  tell<T extends MessageType>(type: T, content: ContentGiven<T>, run = "r"): void {
    this.runs.apply(makeFrame(type, content, { run, session: "d" }) as Frame);
  }

  print(text: string, name: "stdout" | "stderr" = "stdout"): void {
    this.tell("stream", { name, text });
  }

  get outputs(): readonly Output[] {
    return this.runs.ofCell("d", "c")?.outputs ?? [];
  }

  get texts(): unknown[] {
    return this.outputs.map((output) => output["text"] ?? output["output_type"]);
  }
}

const png = { data: { "image/png": "iVBOR" } };

test("neighbouring text of one stream is joined, and nothing else is", () => {
  const told = new Told();
  told.print("a");
  told.print("b\r");
  told.print("!", "stderr");
  told.print("c");
  told.tell("display_data", png);
  told.print("d");
  told.print("e");
  assert.deepEqual(told.texts, ["ab\r", "!", "c", "display_data", "de"]);
});

test("outputs have the form of the notebook format", () => {
  const told = new Told();
  told.tell("execute_input", { code: "1", execution_count: 4 });
  told.tell("execute_result", { execution_count: 4, data: { "text/plain": "1" } });
  told.tell("error", { ename: "E", evalue: "v", traceback: ["t"] });
  told.tell("run_ended", { document: "d", cell: "c", status: "error", execution_count: 4, at: 8 });
  assert.deepEqual(told.outputs, [
    { output_type: "execute_result", execution_count: 4, data: { "text/plain": "1" }, metadata: {} },
    { output_type: "error", ename: "E", evalue: "v", traceback: ["t"] },
  ]);
  const run = told.runs.ofCell("d", "c");
  assert.deepEqual([run?.status, run?.executionCount, run?.started, run?.ended], ["error", 4, 7_000, 8_000]);
});

test("clear_output clears at once, or with the next output", () => {
  const told = new Told();
  told.print("a");
  told.tell("clear_output", {});
  assert.deepEqual(told.texts, []);
  told.print("b");
  told.tell("clear_output", { wait: true });
  assert.deepEqual(told.texts, ["b"]);
  told.print("c");
  assert.deepEqual(told.texts, ["c"]);
});

test("a display is updated wherever the session showed it", () => {
  const told = new Told();
  told.tell("display_data", { data: { "text/plain": "0 %" }, transient: { display_id: "bar" } });
  told.tell("display_data", { data: { "text/plain": "other" }, transient: { display_id: "foo" } });
  told.tell("run_queued", { document: "d", cell: "later" }, "r2");
  told.tell(
    "update_display_data",
    { data: { "text/plain": "50 %" }, transient: { display_id: "bar" } },
    "r2",
  );
  assert.deepEqual(
    told.outputs.map((output) => output["data"]),
    [{ "text/plain": "50 %" }, { "text/plain": "other" }],
  );
});

test("an output that does not change stays the same object", () => {
  const told = new Told();
  told.tell("display_data", png);
  const [shown] = told.outputs;
  told.print("a");
  const [, text] = told.outputs;
  told.print("b");
  assert.equal(told.outputs[0], shown);
  assert.notEqual(told.outputs[1], text);
});

test("a run that is cut says how much it has, and where the missing part would be", () => {
  const told = new Told();
  told.print("begin é\n");
  told.tell("output_cut", { kept_bytes: 1_000, kept_lines: 50, hidden_bytes: 991 });
  assert.deepEqual(told.runs.ofCell("d", "c")?.cut, {
    keptBytes: 1_000,
    keptLines: 50,
    hiddenBytes: 991,
    before: 1,
  });
  told.tell("output_cut", { kept_bytes: 2_000, kept_lines: 99, hidden_bytes: 1_987, tail: "end\n" });
  assert.deepEqual(told.texts, ["begin é\n", "end\n"]);
  assert.deepEqual(told.runs.ofCell("d", "c")?.cut, {
    keptBytes: 2_000,
    keptLines: 99,
    hiddenBytes: 1_987,
    before: 1,
  });
});

test("what is cleared hides nothing any more", () => {
  const told = new Told();
  told.print("begin\n");
  told.tell("output_cut", { kept_bytes: 1_000, kept_lines: 50, hidden_bytes: 994 });
  told.tell("clear_output", { wait: false });
  assert.equal(told.runs.ofCell("d", "c")?.cut, null);
});

test("a tail that follows what was told without a gap is joined with it", () => {
  const told = new Told();
  told.print("begin ");
  told.tell("output_cut", { kept_bytes: 9, kept_lines: 1, hidden_bytes: 0, tail: "end" });
  assert.deepEqual(told.texts, ["begin end"]);
  assert.equal(told.runs.ofCell("d", "c")?.cut, null);
});

test("a new run of a cell starts empty, and what the old one says is not heard", () => {
  const told = new Told();
  told.print("old");
  told.tell("run_queued", { document: "d", cell: "c" }, "r2");
  assert.deepEqual(told.texts, []);
  told.print("late");
  assert.deepEqual(told.texts, []);
  assert.deepEqual(
    told.runs.unfinished("d").map(({ run }) => run),
    ["r2"],
  );
});

test("clearing forgets ended runs, and empties the one that is running", () => {
  const told = new Told();
  told.print("a");
  told.tell("clear_outputs", { document: "d", cells: ["other"] });
  assert.deepEqual(told.texts, ["a"]);
  told.tell("clear_outputs", { document: "d" });
  assert.equal(told.runs.ofCell("d", "c")?.status, "running");
  assert.deepEqual(told.texts, []);
  told.tell("run_ended", { document: "d", cell: "c", status: "ok" });
  told.tell("clear_outputs", { document: "d", cells: ["c"] });
  assert.equal(told.runs.ofCell("d", "c"), undefined);
});

test("events after a snapshot go on where the snapshot ends", () => {
  const told = new Told();
  const outputs = [{ output_type: "stream", name: "stdout", text: "1\n" }];
  const record: CellRunRecord = {
    ...{ document: "d", cell: "c", run: "r9", status: "running", execution_count: 3, outputs },
    ...{ started: 5, ended: 0, cut: false, hidden_bytes: 0, kept_bytes: 0, kept_lines: 0 },
  };
  const queue = [{ run: "r10", document: "d", cell: "e", running: false, since: 0 }];
  told.runs.restore({ documents: [], sessions: [], inputs: [], cells: [record], queue });
  told.tell("stream", { name: "stdout", text: "2\n" }, "r9");
  assert.deepEqual(told.texts, ["1\n2\n"]);
  assert.equal(told.runs.ofCell("d", "e")?.status, "queued");
  assert.deepEqual(
    told.runs.unfinished("d").map(({ run }) => run),
    ["r9", "r10"],
  );
});

test("a run of a snapshot says how much of it is hidden", () => {
  const told = new Told();
  const record: CellRunRecord = {
    ...{ document: "d", cell: "c", run: "r9", status: "ok", execution_count: 3, outputs: [] },
    ...{ started: 5, ended: 6, cut: true, hidden_bytes: 900, kept_bytes: 1_000, kept_lines: 50 },
  };
  told.runs.restore({ documents: [], sessions: [], inputs: [], cells: [record], queue: [] });
  const cut = { keptBytes: 1_000, keptLines: 50, hiddenBytes: 900, before: -1 };
  assert.deepEqual(told.runs.ofCell("d", "c")?.cut, cut);
});

test("a run outside of documents that a snapshot does not have any more has died", () => {
  const told = new Told();
  told.tell("run_queued", {}, "free");
  const gone = told.runs.restore({ documents: [], sessions: [], inputs: [], cells: [], queue: [] });
  assert.equal(gone.find(({ run }) => run === "free")?.status, "died");
});
