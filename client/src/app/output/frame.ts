/**
 * Frame: HTML with scripts (Sage's 3D scenes, ...) in a frame that has nothing of the site's: no origin, no cookie.
 *
 * The frame's page, `frame.html`, is served with a policy of its own; it gets the HTML by a message, because a page
 * made here would inherit this page's policy, under which no foreign script runs. It tells its height by messages.
 */

import { h } from "../dom";

const FRAME_ADDRESS = "/static/frame.html";
const TALLEST = 4000;
const MOST_CHANGES = 50;

export function renderActive(html: string): HTMLElement {
  const { inner, height } = unwrap(html);
  const frame = h("iframe", {
    class: "output-frame",
    sandbox: "allow-scripts allow-popups allow-downloads",
    src: FRAME_ADDRESS,
    title: "Interactive output",
    loading: "lazy",
    referrerpolicy: "no-referrer",
    allow: "fullscreen",
  });
  frame.style.height = `${height || 60}px`;
  let changes = 0;
  const hear = (event: MessageEvent): void => {
    if (!frame.isConnected) window.removeEventListener("message", hear);
    if (event.source !== frame.contentWindow) return;
    const told = event.data as { sagews?: unknown; height?: unknown } | null;
    if (told?.sagews === "ready") void show(frame, inner);
    else if (told?.sagews === "height" && typeof told.height === "number" && height === 0) {
      // Something that is as tall as its frame and a little more would grow for ever.
      changes += 1;
      if (changes <= MOST_CHANGES) frame.style.height = `${Math.min(Math.max(told.height, 20), TALLEST)}px`;
    }
  };
  window.addEventListener("message", hear);
  return frame;
}

/** Where the HTML is nothing but a frame with its own document (as Sage's scenes are), that document and its height. */
function unwrap(html: string): { inner: string; height: number } {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  const only =
    body.children.length === 1 && !body.textContent.trim() ? body.querySelector(":scope > iframe") : null;
  const inner = only?.getAttribute("srcdoc");
  if (!only || !inner) return { inner: html, height: 0 };
  const height = Number.parseInt(only.getAttribute("height") ?? "", 10);
  return { inner, height: Number.isNaN(height) ? 400 : height };
}

async function show(frame: HTMLIFrameElement, html: string): Promise<void> {
  const whole = await withSiteScripts(html);
  frame.contentWindow?.postMessage({ sagews: "show", html: whole }, "*");
}

/** Scripts that a Sage scene expects to find on its notebook server (three.js). */
const SITE_SCRIPT =
  /<script[^>]*\ssrc=["'](\/nbextensions\/threejs-sage\/r\d+\/three\.min\.js)["'][^>]*>\s*<\/script>/gi;

const loaded = new Map<string, Promise<string>>();

/** The frame has no way to this site: what it needs from here is put into its HTML. */
async function withSiteScripts(html: string): Promise<string> {
  const scripts = new Map<string, string>();
  for (const [, address = ""] of html.matchAll(SITE_SCRIPT)) {
    const known = loaded.get(address) ?? loadScript(address);
    loaded.set(address, known);
    scripts.set(address, await known);
  }
  return html.replace(SITE_SCRIPT, (all, address: string) => {
    const script = scripts.get(address);
    return script ? `<script>${script}</script>` : all;
  });
}

/** "" where the site does not have it: the scene then tries its own way to one. */
async function loadScript(address: string): Promise<string> {
  const answer = await fetch(address);
  return answer.ok ? answer.text() : "";
}
