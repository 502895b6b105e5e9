/** Promise: the connection comes back by itself, by another address at once, and its state is always true. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { frame as makeFrame } from "../src/lib/messages";
import type { ConnectionState } from "../src/lib/connection";
import { Site } from "../src/lib/site";
import { Clock } from "./model/clock";
import { Network } from "./model/network";
import { ModelServer } from "./model/server";

function world(addresses = ["http://a", "http://b"]) {
  const clock = new Clock();
  const server = new ModelServer(clock);
  const network = new Network(clock, server.accept);
  let wake = (): void => undefined;
  const onOnline = (action: () => void) => {
    wake = action;
    return () => undefined;
  };
  const site = new Site({ addresses, openSocket: network.open, timing: clock, client: "me", onOnline });
  const states: ConnectionState[] = [];
  site.on("state", (state) => states.push(state));
  return { clock, server, network, site, states, online: () => wake() };
}

test("it connects, and tells its state", async () => {
  const { clock, site, states } = world();
  assert.equal(site.state.name, "closed");
  site.connect();
  await clock.pass(10);
  assert.equal(site.state.name, "open");
  assert.equal(site.state.address, "http://a");
  assert.deepEqual(site.environments, ["sage", "python"]);
  site.close();
  assert.equal(states.at(-1)?.name, "closed");
});

test("an address that refuses is followed by the next one within two seconds", async () => {
  const { clock, network, site } = world();
  network.down.add("http://a");
  site.connect();
  await clock.pass(1_999);
  assert.equal(site.state.address, "http://b");
  site.close();
});

test("an address that never answers is given up for the next one", async () => {
  const { clock, network, site } = world();
  network.silent.add("http://a");
  site.connect();
  await clock.pass(1_999);
  assert.equal(site.state.address, "http://b");
  site.close();
});

test("a connection that is cut comes back at once, by the other address where the first one is down", async () => {
  const { clock, network, site } = world();
  site.connect();
  await clock.pass(60_000);
  network.down.add("http://a");
  network.cutAll();
  await clock.pass(2_000);
  assert.equal(site.state.name, "open");
  assert.equal(site.state.address, "http://b");
  site.close();
});

test("a connection that is dead without being cut is found out by a ping, and another address is tried first", async () => {
  const { clock, network, site } = world();
  const workspace = site.workspace("w");
  site.connect();
  await clock.settle(workspace.attach());
  await clock.pass(30_000);
  assert.equal(
    network.tried.length,
    1,
    "silence alone is no reason to give up a connection that answers pings",
  );
  network.freeze();
  const asked = workspace.interrupt("s");
  await clock.settle(asked);
  assert.equal(site.state.address, "http://b");
  site.close();
});

test("when nothing answers it waits longer and longer, says until when, and begins at once when it is online", async () => {
  const { clock, network, site, states, online } = world();
  network.down.add("http://a").add("http://b");
  site.connect();
  await clock.pass(60_000);
  assert.equal(site.state.name, "offline");
  assert(site.state.retryAt !== undefined && site.state.retryAt > clock.now());
  assert.equal(site.state.since, states[0]?.since, "since when there has been no connection");
  const waits = states.filter(({ name }) => name === "offline");
  assert(waits.length > 5 && waits.length < 20);
  network.down.clear();
  online();
  await clock.pass(20);
  assert.equal(site.state.name, "open");
  site.close();
});

test("a server that drops every connection is not hammered", async () => {
  const { clock, network, site } = world(["http://a"]);
  site.connect();
  for (let second = 0; second < 100; second += 1) {
    await clock.pass(50);
    network.cutAll();
  }
  assert(network.tried.length < 40, `${network.tried.length} tries in five seconds`);
  site.close();
});

test("who is not signed in is told so, and not tried again until asked", async () => {
  const { clock, server, network, site } = world();
  server.refuse = (frame) => (frame.type === "hello" ? "not_signed_in" : undefined);
  const attached = site.workspace("w").attach();
  site.connect();
  await assert.rejects(clock.settle(attached), { code: "not_signed_in" });
  await clock.pass(60_000);
  assert.equal(site.state.name, "refused");
  assert.equal(site.state.reason?.code, "not_signed_in");
  assert.equal(network.tried.length, 1);
  server.refuse = () => undefined;
  site.connect();
  await clock.settle(site.workspace("w").attach());
  assert.equal(site.state.name, "open");
  site.close();
});

test("a site that is full is tried again", async () => {
  const { clock, server, site } = world();
  server.refuse = (frame) => (frame.type === "hello" ? "over_limit" : undefined);
  site.connect();
  await clock.pass(5_000);
  assert.notEqual(site.state.name, "refused");
  server.refuse = () => undefined;
  await clock.pass(20_000);
  assert.equal(site.state.name, "open");
  site.close();
});

test("what is no message is reported and does not stop anything; a newer server's message is ignored", async () => {
  const { clock, server, site } = world();
  const problems: string[] = [];
  site.on("problem", ({ code }) => problems.push(code));
  site.connect();
  await clock.settle(site.workspace("w").attach());
  server.say("{not JSON");
  server.say('{"type":"from_the_future"}');
  server.say('{"type":"stream","workspace":"w","content":{"name":"stdout"}}');
  await clock.pass(10);
  assert.deepEqual(problems, ["bad_message", "bad_message"]);
  assert.equal(site.state.name, "open");
  site.close();
});

test("a ping of the site is answered", async () => {
  const { clock, server, site } = world();
  site.connect();
  await clock.pass(10);
  const heard: string[] = [];
  server.refuse = (frame) => void heard.push(frame.type);
  server.say(JSON.stringify({ type: makeFrame("ping", {}).type }));
  await clock.pass(10);
  assert.deepEqual(heard, ["pong"]);
  site.close();
});

test("after close nothing is left that would fire", async () => {
  const { clock, site, network } = world();
  site.connect();
  await clock.settle(site.workspace("w").openWorksheet("x.ipynb", { create: true }));
  site.close();
  await clock.pass(10);
  assert.equal(clock.waiting, 0);
  assert.equal(network.tried.length, 1);
});

test("when the load balancer in use dies, the other one is used within two seconds, for requests too", async () => {
  const { clock, network, site } = world();
  site.connect();
  await clock.pass(60_000);
  network.silent.add("http://a");
  network.cutAll();
  await clock.pass(1_999);
  assert.equal(site.state.name, "open");
  assert.equal(site.state.address, "http://b");
  assert.equal(site.address, "http://b");
  assert.deepEqual(network.tried, ["http://a", "http://b"]);
  site.close();
});

test("addresses that the site tells of are used too", async () => {
  const { clock, server, network, site } = world(["http://a"]);
  server.addresses = ["http://a", "http://c/"];
  site.connect();
  await clock.pass(60_000);
  network.down.add("http://a");
  network.cutAll();
  await clock.pass(1_999);
  assert.equal(site.state.address, "http://c");
  site.close();
});
