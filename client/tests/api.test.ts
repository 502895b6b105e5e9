/** Promise: requests have the form that the site takes, and every failure is an ApiError that says what to do. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";

import { Api } from "../src/lib/api";
import { Origins } from "../src/lib/origins";

interface Answer {
  readonly status: number;
  readonly body: string;
}

let request: IncomingMessage | undefined;
let sent = "";
let answer: Answer = { status: 200, body: "{}" };
const server = createServer((incoming, outgoing) => {
  request = incoming;
  sent = "";
  incoming.on("data", (piece: Buffer) => (sent += piece.toString()));
  incoming.on("end", () => outgoing.writeHead(answer.status).end(answer.body));
});
let api: Api;

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  api = new Api({ origins: new Origins([address]), token: "secret" });
});
after(() => server.close());

test("a request says who asks and what for", async () => {
  answer = { status: 201, body: '{"id": "w1", "name": "a"}' };
  assert.equal((await api.workspaces.create("a")).id, "w1");
  assert.equal(`${request?.method} ${request?.url}`, "POST /api/workspaces");
  assert.deepEqual(JSON.parse(sent), { name: "a", kind: "normal" });
  assert.equal(request?.headers.authorization, "Bearer secret");
  assert.equal(request?.headers["x-sagews"], "1");
});

test("paths keep their slashes and nothing else", async () => {
  answer = { status: 204, body: "" };
  await api.files.write("w 1", "a folder/ü?.ipynb", "text");
  assert.equal(
    `${request?.method} ${request?.url}`,
    "PUT /api/workspaces/w%201/files/a%20folder/%C3%BC%3F.ipynb",
  );
  assert.equal(sent, "text");
});

test("a list is asked for with its folder", async () => {
  answer = {
    status: 200,
    body: '{"entries": [{"path": "a/b", "kind": "file", "size": 3, "modified": 1.5}]}',
  };
  assert.equal((await api.files.list("w", "a")).length, 1);
  assert.equal(request?.url, "/api/workspaces/w/files?path=a&start=0&limit=5000&matching=");
});

test("an error of the site comes with its code and what to do", async () => {
  answer = {
    status: 409,
    body: '{"error": {"code": "conflict", "what": "It is there.", "what_to_do": "Rename."}}',
  };
  await assert.rejects(api.workspaces.create("a"), {
    name: "ApiError",
    code: "conflict",
    status: 409,
    message: "It is there. Rename.",
  });
});

test("an error of something in between is an ApiError too", async () => {
  answer = { status: 502, body: "<html>Bad gateway" };
  await assert.rejects(api.me(), { name: "ApiError", code: "unavailable", status: 502 });
  const nowhere = new Api({ origins: new Origins(["http://127.0.0.1:1"]) });
  await assert.rejects(nowhere.me(), { name: "ApiError", code: "unavailable", status: 0 });
});

test("the whole output of a run is text", async () => {
  answer = { status: 200, body: "1\n2\n" };
  assert.equal(await api.output("w", "r"), "1\n2\n");
  assert.equal(request?.url, "/api/workspaces/w/runs/r/output");
});

/** A site of two addresses: which requests reached which, where each is up, ill, or not there at all. */
function pair() {
  const asked: string[] = [];
  const state: { [origin: string]: "up" | "ill" | "down" } = { "http://a": "up", "http://b": "up" };
  const fetchOf = (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const { origin, pathname } = new URL(String(url));
    asked.push(`${origin} ${init?.method ?? "GET"} ${pathname}`);
    if (state[origin] === "down") return Promise.reject(new TypeError("refused"));
    return Promise.resolve(
      state[origin] === "ill" ? new Response("<html>", { status: 503 }) : new Response("{}"),
    );
  };
  const origins = new Origins(["http://a", "http://b"]);
  let open = false;
  const both = new Api({ origins, fetch: fetchOf as typeof fetch, isOpen: () => open });
  return { asked, state, origins, both, connect: () => (open = true) };
}

test("what changes nothing goes to the next address where one does not answer, or nothing is behind it", async () => {
  for (const how of ["down", "ill"] as const) {
    const { asked, state, both, origins } = pair();
    state["http://a"] = how;
    await both.get("/api/me");
    await both.get("/api/me");
    assert.deepEqual(asked, ["http://a GET /api/me", "http://b GET /api/me", "http://b GET /api/me"]);
    assert.equal(origins.current, "http://b");
  }
});

test("what changes something is sent once, to an address that answers", async () => {
  const { asked, state, both } = pair();
  state["http://a"] = "down";
  await both.post("/api/workspaces");
  assert.deepEqual(asked, [
    "http://a GET /sockjs/info",
    "http://b GET /sockjs/info",
    "http://b POST /api/workspaces",
  ]);
});

test("while there is a live connection nothing is asked before", async () => {
  const { asked, both, connect } = pair();
  connect();
  await both.post("/api/workspaces");
  assert.deepEqual(asked, ["http://a POST /api/workspaces"]);
});

test("where no address answers, the error says so", async () => {
  const { asked, state, both } = pair();
  state["http://a"] = state["http://b"] = "down";
  await assert.rejects(both.get("/api/me"), { name: "ApiError", code: "unavailable", status: 0 });
  assert.equal(asked.length, 2);
});
