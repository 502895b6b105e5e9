/**
 * Cells of a worksheet: its structure as a Yjs document, as docs/protocol.md ("Documents") defines it.
 *
 * `order` is an array of ids, `cells` a map from id to the cell. Where an id stands twice in `order` the first place
 * counts; ids without a cell are skipped; a cell whose id is not in `order` is deleted.
 */

import * as Y from "yjs";
import type { Json } from "./fields";

/** What a cell is. */
export type CellType = "code" | "markdown" | "raw";

/** One cell, as it is now. */
export interface CellInfo {
  readonly id: string;
  readonly type: CellType;
  /** The shared text of the cell, to bind an editor to. */
  readonly source: Y.Text;
  /** The cell's notebook metadata, plain JSON. */
  readonly metadata: Json;
}

const CELL_TYPES: readonly string[] = ["code", "markdown", "raw"];

/** The ids of the cells in order. */
export function cellIds(doc: Y.Doc): string[] {
  const cells = doc.getMap("cells");
  const seen = new Set<string>();
  for (const id of doc.getArray("order").toArray()) {
    if (typeof id === "string" && cells.get(id) instanceof Y.Map) seen.add(id);
  }
  return [...seen];
}

/** The cell with this id, or undefined. */
export function cell(doc: Y.Doc, id: string): CellInfo | undefined {
  const map = doc.getMap("cells").get(id);
  if (!(map instanceof Y.Map)) return undefined;
  const source: unknown = map.get("source");
  if (!(source instanceof Y.Text)) return undefined;
  const type: unknown = map.get("type");
  return {
    id,
    type: typeof type === "string" && CELL_TYPES.includes(type) ? (type as CellType) : "raw",
    source,
    metadata: (map.get("metadata") ?? {}) as Json,
  };
}

/** All cells in order. */
export function cellsOf(doc: Y.Doc): CellInfo[] {
  return cellIds(doc).flatMap((id) => cell(doc, id) ?? []);
}

/**
 * Adds a cell and returns its id.
 *
 * @param index place among the cells that `cellIds` lists; beyond the end: last.
 */
export function insertCell(
  doc: Y.Doc,
  index: number,
  type: CellType,
  source: string,
  id = newCellId(),
): string {
  const place = arrayIndex(doc, index);
  doc.getMap("cells").set(id, newCell(type, source));
  doc.getArray("order").insert(place, [id]);
  return id;
}

function newCell(type: CellType, source: string): Y.Map<unknown> {
  const map = new Y.Map<unknown>();
  map.set("type", type);
  map.set("source", new Y.Text(source));
  map.set("metadata", {});
  return map;
}

/** Takes a cell out of the order and out of the document. */
export function deleteCell(doc: Y.Doc, id: string): void {
  takeOut(doc, id);
  doc.getMap("cells").delete(id);
}

/** Moves a cell so that it stands at `index` among the others. Changes only `order`. */
export function moveCell(doc: Y.Doc, id: string, index: number): void {
  takeOut(doc, id);
  doc.getArray("order").insert(arrayIndex(doc, index), [id]);
}

/** Makes a cell one of another type; its text stays. */
export function setCellType(doc: Y.Doc, id: string, type: CellType): void {
  const map = doc.getMap("cells").get(id);
  if (map instanceof Y.Map) map.set("type", type);
}

function takeOut(doc: Y.Doc, id: string): void {
  const order = doc.getArray("order");
  const ids = order.toArray();
  for (let place = ids.length - 1; place >= 0; place -= 1) if (ids[place] === id) order.delete(place, 1);
}

/** The place in `order` of what is at `index` among the listed cells. */
function arrayIndex(doc: Y.Doc, index: number): number {
  const before = cellIds(doc)[Math.max(0, index)];
  const order = doc.getArray("order").toArray();
  return before === undefined ? order.length : order.indexOf(before);
}

/** A random id that nbformat 4.5 allows (1-64 letters, digits, - and _). */
export function newCellId(): string {
  return randomName(8);
}

/** A random name of `bytes` bytes, in hexadecimal. */
export function randomName(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(random, (value) => value.toString(16).padStart(2, "0")).join("");
}
