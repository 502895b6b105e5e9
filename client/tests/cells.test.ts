/** Promise: cells are where docs/protocol.md ("Documents") says, also after concurrent moves and deletions. */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as Y from "yjs";

import { cellIds, cellsOf, deleteCell, insertCell, moveCell } from "../src/lib/cells";
import { codePoints, utf16Units } from "../src/lib/characters";

function worksheet(...ids: string[]): Y.Doc {
  const doc = new Y.Doc();
  for (const id of ids) insertCell(doc, Infinity, "code", id, id);
  return doc;
}

function sync(one: Y.Doc, other: Y.Doc): void {
  Y.applyUpdate(other, Y.encodeStateAsUpdate(one));
  Y.applyUpdate(one, Y.encodeStateAsUpdate(other));
}

test("cells go where they are put", () => {
  const doc = worksheet("a", "b", "c");
  insertCell(doc, 0, "markdown", "", "first");
  insertCell(doc, 2, "code", "", "third");
  assert.deepEqual(cellIds(doc), ["first", "a", "third", "b", "c"]);
  moveCell(doc, "first", 4);
  moveCell(doc, "c", 0);
  deleteCell(doc, "b");
  assert.deepEqual(cellIds(doc), ["c", "a", "third", "first"]);
  assert.equal(doc.getMap("cells").has("b"), false);
});

test("where two people move one cell, it stands at the first place; the rest is as it was", () => {
  const one = worksheet("a", "b", "c", "d");
  const other = new Y.Doc();
  sync(one, other);
  moveCell(one, "a", 3);
  moveCell(other, "a", 2);
  sync(one, other);
  const ids = cellIds(one);
  assert.deepEqual(ids, cellIds(other));
  assert.deepEqual([...ids].sort(), ["a", "b", "c", "d"]);
  assert(one.getArray("order").length > 4, "the id stands twice in the array");
  moveCell(one, "a", 0);
  sync(one, other);
  assert.equal(cellIds(other)[0], "a");
  assert.equal(one.getArray("order").length, 4);
});

test("a cell that one person deletes while another moves it is gone", () => {
  const one = worksheet("a", "b");
  const other = new Y.Doc();
  sync(one, other);
  deleteCell(one, "a");
  moveCell(other, "a", 1);
  sync(one, other);
  assert.deepEqual(cellIds(one), ["b"]);
  assert.deepEqual(cellIds(other), ["b"]);
});

test("what is no cell is skipped", () => {
  const doc = worksheet("a");
  doc.getArray("order").push(["nothing", 7, "text"]);
  doc.getMap("cells").set("text", "no map");
  assert.deepEqual(
    cellsOf(doc).map(({ id }) => id),
    ["a"],
  );
});

test("places in text are counted in both ways", () => {
  const text = "a𝔽b";
  assert.deepEqual(
    [0, 1, 3, 4, 9].map((units) => codePoints(text, units)),
    [0, 1, 2, 3, 3],
  );
  assert.deepEqual(
    [0, 1, 2, 3, 9].map((points) => utf16Units(text, points)),
    [0, 1, 3, 4, 4],
  );
});
