/** Uploads in parts: what arrives, what is sent again, what is given up. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Api } from "../src/lib/api";
import { Origins } from "../src/lib/origins";
import type { UploadProgress } from "../src/lib/uploads";

const SIZE = 5 * 1024 * 1024;

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly size: number;
}

/** A site that keeps one upload, and fails as often as `failures` says. */
class FakeSite {
  readonly asked: Asked[] = [];
  received = 0;
  failures = 0;
  refusal: { status: number; code: string } | null = null;

  readonly fetch = async (address: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = new URL(String(address));
    const body = init?.body instanceof Blob ? init.body : null;
    const method = init?.method ?? "GET";
    this.asked.push({ method, path: url.pathname, size: body?.size ?? 0 });
    if (method === "PUT" && this.refusal) {
      const error = { code: this.refusal.code, what: "No.", what_to_do: "" };
      return new Response(JSON.stringify({ error }), { status: this.refusal.status });
    }
    if (method === "PUT" && this.failures > 0) {
      this.failures -= 1;
      this.received += 1000; // a part of the part has arrived
      throw new TypeError("the network is gone");
    }
    if (method === "DELETE") return new Response(null, { status: 204 });
    if (method === "PUT" && body) {
      assert.equal(Number(url.searchParams.get("offset") ?? 0), this.received);
      this.received += body.size;
    }
    const finished = this.received === SIZE;
    const state = { id: "u1", path: "f", size: SIZE, received: this.received, finished };
    return new Response(JSON.stringify(state), { status: method === "POST" ? 201 : 200 });
  };

  get api(): Api {
    return new Api({
      origins: new Origins(["http://site"]),
      token: "t",
      fetch: this.fetch,
      tabStorage: this.storage,
    });
  }

  readonly kept = new Map<string, string>();
  readonly storage = {
    length: 0,
    key: () => null,
    getItem: (key: string) => this.kept.get(key) ?? null,
    setItem: (key: string, value: string) => void this.kept.set(key, value),
    removeItem: (key: string) => void this.kept.delete(key),
  };
}

test("a large file goes in parts, with progress", async () => {
  const site = new FakeSite();
  const told: UploadProgress[] = [];
  await site.api.files.uploads.send("w", "f", new Blob([new Uint8Array(SIZE)]), {
    onProgress: (progress) => told.push(progress),
  });
  assert.deepEqual(
    site.asked.map(({ method }) => method),
    ["POST", "PUT", "PUT", "PUT"],
  );
  assert.equal(told.at(-1)?.sent, SIZE);
  assert.equal(site.kept.size, 0);
});

test("what arrived of a part that failed is not sent again", async () => {
  const site = new FakeSite();
  site.failures = 2;
  const told: UploadProgress[] = [];
  await site.api.files.uploads.send("w", "f", new Blob([new Uint8Array(SIZE)]), {
    onProgress: (progress) => told.push(progress),
  });
  assert.equal(site.received, SIZE);
  assert.ok(told.some(({ waiting }) => waiting));
});

test("an upload that was begun before goes on where it ended", async () => {
  const site = new FakeSite();
  site.received = SIZE - 10;
  site.kept.set(`sagews-upload:w:f:${SIZE}:0`, "u1");
  await site.api.files.uploads.send("w", "f", new Blob([new Uint8Array(SIZE)]));
  assert.deepEqual(
    site.asked.map(({ method, size }) => `${method} ${size}`),
    ["GET 0", "PUT 10"],
  );
});

test("a refusal ends it, and what arrived is thrown away", async () => {
  const site = new FakeSite();
  site.refusal = { status: 413, code: "too_large" };
  const sending = site.api.files.uploads.send("w", "f", new Blob([new Uint8Array(SIZE)]));
  await assert.rejects(sending, { code: "too_large" });
  assert.equal(site.asked.at(-1)?.method, "DELETE");
  assert.equal(site.kept.size, 0);
});

test("a person may end it", async () => {
  const site = new FakeSite();
  const abort = new AbortController();
  const sending = site.api.files.uploads.send("w", "f", new Blob([new Uint8Array(SIZE)]), {
    signal: abort.signal,
    onProgress: ({ sent }) => sent > 0 && abort.abort(new Error("enough")),
  });
  await assert.rejects(sending, /enough/);
  assert.equal(site.asked.at(-1)?.method, "DELETE");
});

test("a small file goes in one request", async () => {
  const site = new FakeSite();
  await site.api.files.uploads.send("w", "f", new Blob(["text"]), { keep: true });
  assert.deepEqual(
    site.asked.map(({ method, path }) => `${method} ${path}`),
    ["PUT /api/workspaces/w/files/f"],
  );
});
