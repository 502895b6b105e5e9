/**
 * Values of messages to and from JSON, checked against declared fields: the mirror of `sagews/messages/fields.py`.
 *
 * A declaration such as `{ cells: list(text), all: optional(truth, false) }` is all that a message type says about
 * its form. Errors are worded as the server words them. Unknown fields are ignored.
 */

import { MessageError } from "./errors";

/** Any JSON value, handed on as it is. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Any JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** How one field is read from JSON, written to JSON, and what it is where it is left out. */
export interface Field<T, Optional extends boolean = false> {
  read(value: unknown, where: string): T;
  write(value: T): unknown;
  /** Needed when reading, or filled in with `standard()`. */
  readonly optional: Optional;
  standard?(): T;
}

/** The fields of a record or of a message's content. */
export type Fields = { readonly [name: string]: Field<any, boolean> };

/** The values that fields have after reading: every one is there. */
export type Values<F extends Fields> = {
  readonly [N in keyof F]: F[N] extends Field<infer T, boolean> ? T : never;
};

type Needed<F extends Fields> = {
  [N in keyof F]: F[N] extends Field<any, true> ? never : N;
}[keyof F];

/** The values that must be given to make a record: those with a standard value may be left out. */
export type Given<F extends Fields> = Pick<Values<F>, Needed<F>> & Partial<Values<F>>;

function kindOf(value: unknown): string {
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return "a truth value";
  if (typeof value === "number") return "a number";
  if (Array.isArray(value)) return "a list";
  return value !== null && typeof value === "object" ? "an object" : "null";
}

function plain<T>(read: (value: unknown, where: string) => T): Field<T> {
  return { read, write: (value) => value, optional: false };
}

export const text: Field<string> = plain((value, where) => {
  if (typeof value !== "string")
    throw new MessageError(`${where}: a string is needed, not ${kindOf(value)}.`);
  return value;
});

/** A whole number that a JavaScript number holds exactly (RFC 8259, section 6). */
export const whole: Field<number> = plain((value, where) => {
  if (typeof value !== "number" || (!Number.isInteger(value) && Number.isFinite(value))) {
    throw new MessageError(`${where}: a whole number is needed, not ${kindOf(value)}.`);
  }
  if (!Number.isSafeInteger(value))
    throw new MessageError(`${where}: the number is outside of -2^53 ... 2^53.`);
  return value;
});

export const real: Field<number> = plain((value, where) => {
  if (typeof value !== "number")
    throw new MessageError(`${where}: a number is needed, not ${kindOf(value)}.`);
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    throw new MessageError(`${where}: the number is outside of -2^53 ... 2^53.`);
  }
  return value;
});

export const truth: Field<boolean> = plain((value, where) => {
  if (typeof value !== "boolean")
    throw new MessageError(`${where}: true or false is needed, not ${kindOf(value)}.`);
  return value;
});

export const anything: Field<Json> = plain((value) => value as Json);

export const object: Field<JsonObject> = plain((value, where) => {
  if (kindOf(value) !== "an object")
    throw new MessageError(`${where}: an object is needed, not ${kindOf(value)}.`);
  return value as JsonObject;
});

/** Bytes, in JSON as base64 (RFC 4648, section 4, with padding). */
export const bytes: Field<Uint8Array> = {
  read(value, where) {
    const encoded = text.read(value, where);
    const padded = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
    if (!padded.test(encoded)) {
      const why = /^[A-Za-z0-9+/]*=*$/.test(encoded) ? "Incorrect padding" : "Only base64 data is allowed";
      throw new MessageError(`${where}: this is not base64 (RFC 4648): ${why}.`);
    }
    return fromBase64(encoded);
  },
  write: (value) => toBase64(value),
  optional: false,
};

/** Bytes as base64 text. */
export function toBase64(value: Uint8Array): string {
  const pieces: string[] = [];
  for (let start = 0; start < value.length; start += 0x8000) {
    pieces.push(String.fromCharCode(...value.subarray(start, start + 0x8000)));
  }
  return btoa(pieces.join(""));
}

/** The bytes of a base64 text. */
export function fromBase64(encoded: string): Uint8Array {
  const binary = atob(encoded);
  const result = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) result[index] = binary.charCodeAt(index);
  return result;
}

export function oneOf<const T extends readonly string[]>(...allowed: T): Field<T[number]> {
  return plain((value, where) => {
    if (typeof value !== "string" || !allowed.includes(value)) {
      const names = allowed.map((name) => `'${name}'`).join(", ");
      throw new MessageError(`${where}: one of ${names} is needed.`);
    }
    return value;
  });
}

export function list<T>(item: Field<T>): Field<readonly T[]> {
  return {
    read(value, where) {
      if (!Array.isArray(value)) throw new MessageError(`${where}: a list is needed, not ${kindOf(value)}.`);
      return value.map((inner, index) => item.read(inner, `${where}[${index}]`));
    },
    write: (value) => value.map((inner) => item.write(inner)),
    optional: false,
  };
}

export function mapping<T>(item: Field<T>): Field<{ readonly [key: string]: T }> {
  return {
    read(value, where) {
      const entries = Object.entries(object.read(value, where));
      return Object.fromEntries(entries.map(([key, inner]) => [key, item.read(inner, `${where}.${key}`)]));
    },
    write: (value) =>
      Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, item.write(inner)])),
    optional: false,
  };
}

export function nullable<T>(item: Field<T>): Field<T | null> {
  return {
    read: (value, where) => (value === null ? null : item.read(value, where)),
    write: (value) => (value === null ? null : item.write(value)),
    optional: false,
  };
}

export function record<F extends Fields>(fields: F): Field<Values<F>> {
  return {
    read: (value, where) => readFields(fields, value, where),
    write: (value) => writeFields(fields, value as Given<F>),
    optional: false,
  };
}

/** A field that may be left out, where it has the value `standard`. */
export function optional<T>(field: Field<T>, standard: T): Field<T, true> {
  return { ...field, optional: true, standard: () => standard };
}

/** A JSON object or record that may be left out, where all in it is. */
export function orEmpty<T>(field: Field<T>): Field<T, true> {
  return { ...field, optional: true, standard: () => field.read({}, "") };
}

/** The values of the JSON object `data`, or a MessageError that names the field, what is there and what is allowed. */
export function readFields<F extends Fields>(fields: F, data: unknown, where: string): Values<F> {
  const given = object.read(data, where);
  const values: { [name: string]: unknown } = {};
  for (const [name, field] of Object.entries(fields)) {
    if (Object.hasOwn(given, name)) values[name] = field.read(given[name], `${where}.${name}`);
    else if (field.optional) values[name] = field.standard?.();
    else throw new MessageError(`${where}.${name}: this field is missing.`);
  }
  return values as Values<F>;
}

/** All values of a record or content, of which those with a standard value may be left out. */
export function fillFields<F extends Fields>(fields: F, given: Given<F>): Values<F> {
  const values: { [name: string]: unknown } = {};
  for (const [name, field] of Object.entries(fields)) {
    values[name] = (given as { [name: string]: unknown })[name] ?? field.standard?.();
  }
  return values as Values<F>;
}

/** The JSON object for values; fields that have their standard value are left out. */
export function writeFields<F extends Fields>(fields: F, values: Given<F>): { [name: string]: unknown } {
  const result: { [name: string]: unknown } = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = (values as { [name: string]: unknown })[name] ?? field.standard?.();
    if (value === undefined) throw new MessageError(`content.${name}: this field is missing.`);
    if (!field.optional || !same(field, value)) result[name] = field.write(value);
  }
  return result;
}

/** Whether the value is the field's standard one. */
function same<T>(field: Field<T, boolean>, value: T): boolean {
  const standard = field.standard?.();
  if (standard === undefined || value === standard) return value === standard;
  if (value === null || typeof value !== "object" || isLong(value)) return false;
  return JSON.stringify(field.write(value)) === JSON.stringify(field.write(standard));
}

function isLong(value: object): boolean {
  return (Array.isArray(value) || value instanceof Uint8Array) && value.length > 0;
}
