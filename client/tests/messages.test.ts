/** Promise: the messages are those of docs/protocol.md; the server's tests read the same examples. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { MessageError, UnknownType } from "../src/lib/errors";
import { dumpFrame, frame, parseFrame, toJson } from "../src/lib/messages";

// The runner starts the tests in this folder.
const wire = path.resolve("../../tests/wire");

function examples(kind: string): [string, string][] {
  const folder = path.join(wire, kind);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  return names.map((name) => [name, readFileSync(path.join(folder, name), "utf8")]);
}

for (const [name, text] of examples("valid")) {
  test(`valid example ${name} is read and written as it was`, () => {
    const parsed = parseFrame(text);
    assert.deepEqual(parseFrame(dumpFrame(parsed)), parsed);
    assert.deepEqual(JSON.parse(dumpFrame(parsed)), JSON.parse(text));
  });
}

for (const [name, text] of examples("invalid")) {
  test(`invalid example ${name} is refused`, () => {
    const example = JSON.parse(text) as { error: string; frame?: unknown; text?: string };
    const given = example.text ?? JSON.stringify(example.frame);
    assert.throws(
      () => parseFrame(given),
      (error) => error instanceof MessageError && error.what.includes(example.error),
    );
  });
}

test("what is left out has its standard value, and is left out again", () => {
  const parsed = parseFrame('{"type":"run_cells","workspace":"w","content":{"document":"d"}}');
  assert.equal(parsed.type, "run_cells");
  assert.deepEqual(parsed.content, { document: "d", cells: [], all: false, needs: new Uint8Array() });
  assert.deepEqual(toJson(parsed), { type: "run_cells", workspace: "w", content: { document: "d" } });
});

test("bytes travel as base64", () => {
  const sent = frame("update", { document: "d", update: new Uint8Array([0, 255, 7]) }, { k: 3 });
  assert.deepEqual(JSON.parse(dumpFrame(sent)), {
    type: "update",
    k: 3,
    content: { document: "d", update: "AP8H" },
  });
  assert.deepEqual(parseFrame(dumpFrame(sent)), sent);
});

test("an error names the field, what is there and what is allowed", () => {
  const wrong: [string, string][] = [
    ["[]", "message: an object is needed."],
    ["{", "message: this is not JSON"],
    ['{"type":7}', "message.type: a string is needed."],
    ['{"type":"ping","n":1.5}', "message.n: a whole number is needed, not a number."],
    ['{"type":"ping","n":true}', "message.n: a whole number is needed, not a truth value."],
    ['{"type":"ping","n":9007199254740993}', "message.n: the number is outside of -2^53 ... 2^53."],
    ['{"type":"ping","n":-1}', "message: epoch, n, k, request and channel cannot be negative."],
    ['{"type":"ping","content":null}', "content: an object is needed, not null."],
    [
      '{"type":"stream","content":{"name":"x","text":""}}',
      "content.name: one of 'stdout', 'stderr' is needed.",
    ],
    ['{"type":"stream","content":{"name":"stdout"}}', "content.text: this field is missing."],
    [
      '{"type":"complete_reply","content":{"matches":["a",1]}}',
      "content.matches[1]: a string is needed, not a number.",
    ],
    [
      '{"type":"update","content":{"document":"d","update":"A"}}',
      "content.update: this is not base64 (RFC 4648)",
    ],
  ];
  for (const [text, what] of wrong) {
    assert.throws(
      () => parseFrame(text),
      (error) => error instanceof MessageError && error.what.startsWith(what),
      text,
    );
  }
});

test("a type of a newer server is told from a broken message", () => {
  assert.throws(() => parseFrame('{"type":"toString"}'), UnknownType);
});
