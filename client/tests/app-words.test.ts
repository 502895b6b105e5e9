/** What the pages say: states, sizes, names, addresses. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  freeName,
  ownPath,
  placeOf,
  publishAddress,
  shareAddress,
  titleOf,
  worksheetAddress,
} from "../src/app/addresses";
import { agoText, bytesText, durationText, wholeDurationText } from "../src/app/output/sizes";
import { connectionText, kernelText, saveText } from "../src/app/worksheet/states";
import type { SessionView } from "../src/lib/sessions";

const open = { name: "open", since: 0 } as const;
const attached = { name: "attached", since: 0 } as const;

function session(state: SessionView["state"], more: Partial<SessionView> = {}): SessionView {
  const view = {
    session: "d",
    state,
    since: 1000,
    environment: "",
    document: "",
    place: 0,
    reason: "",
    code: "",
  };
  return { ...view, ...more };
}

test("the session's state is said in words", () => {
  const said = (view: SessionView, now = 1000): string => kernelText(view, open, attached, now).text;
  assert.equal(said(session("idle")), "idle");
  assert.equal(said(session("busy"), 13_400), "busy 12 s");
  assert.equal(said(session("waiting", { place: 3 })), "waiting, place 3");
  assert.equal(said(session("ended", { reason: "memory limit 1 GiB" })), "ended: memory limit 1 GiB");
});

test("without a connection nothing is claimed about the session", () => {
  const offline = { name: "offline", since: 0, retryAt: 3000 } as const;
  assert.equal(kernelText(session("idle"), offline, attached, 0).text, "not known while offline");
  assert.equal(connectionText(offline, attached, 400).text, "offline, retrying in 3 s");
  assert.equal(connectionText(open, attached, 0).text, "connected");
});

test("edits that are not acknowledged are counted", () => {
  assert.equal(saveText(0, 0, true, 0).text, "all changes saved");
  assert.equal(saveText(2, 1000, true, 1500).text, "saving…");
  assert.equal(saveText(3, 1000, true, 9000).text, "3 changes not saved yet");
  assert.equal(saveText(1, 1000, false, 1001).text, "1 change not saved yet");
});

test("sizes and times are for people", () => {
  assert.equal(bytesText(4_900_000), "4.9 MB");
  assert.equal(bytesText(17), "17 bytes");
  assert.equal(durationText(2345), "2.3 s");
  assert.equal(wholeDurationText(125_000), "2 min 5 s");
  assert.equal(wholeDurationText(3 * 3600_000 + 240_000), "3 h 4 min");
  assert.equal(agoText(0, 5 * 60_000), "5 min ago");
});

test("addresses lead to pages and back", () => {
  assert.deepEqual(placeOf("/"), { page: "home" });
  assert.deepEqual(placeOf("/workspaces/w"), { page: "workspace", workspace: "w", folder: "" });
  const address = worksheetAddress("w", "a b/ü?.ipynb");
  assert.deepEqual(placeOf(address), { page: "worksheet", workspace: "w", path: "a b/ü?.ipynb" });
  assert.deepEqual(placeOf("/workspaces/%"), { page: "nowhere" });
  assert.equal(titleOf("a/Knots.ipynb"), "Knots");
  assert.deepEqual(placeOf(shareAddress("w")), { page: "share", workspace: "w" });
  const [path, query] = publishAddress("w", "a b.ipynb").split("?");
  assert.deepEqual(placeOf(path ?? "", `?${query}`), { page: "publish", workspace: "w", path: "a b.ipynb" });
  assert.deepEqual(placeOf("/join", "", "#secret"), { page: "join", secret: "secret" });
  const signIn = { page: "sign-in", next: "/join#secret", failed: "" };
  assert.deepEqual(placeOf("/sign-in", "?next=/join", "#secret"), signIn);
  assert.deepEqual(placeOf("/sign-in", "?next=//elsewhere", "#secret"), { ...signIn, next: "/" });
  assert.deepEqual(placeOf("/share/w/more"), { page: "nowhere" });
});

test("signing in leads to this site only", () => {
  for (const path of ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:1", "/a b"]) {
    assert.equal(ownPath(path), "/");
  }
  assert.equal(ownPath("/workspaces/w?new"), "/workspaces/w?new");
});

test("a new worksheet gets a name of its own", () => {
  assert.equal(freeName([]), "Untitled.ipynb");
  assert.equal(freeName(["untitled.ipynb", "Untitled 2.ipynb"]), "Untitled 3.ipynb");
});
