/**
 * Frame: HTML with scripts (Sage's 3D scenes, ...) in a frame that has nothing of the site's: no origin, no cookie.
 *
 * The frame's page, `frame.html`, is served with a policy of its own; it gets the HTML by a message, because a page
 * made here would inherit this page's policy, under which no foreign script runs. It tells its height by messages.
 */

import { h } from "../dom";

const FRAME_ADDRESS = "/static/frame.html";
const TALLEST = 4000;

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
  const hear = (event: MessageEvent): void => {
    if (!frame.isConnected) window.removeEventListener("message", hear);
    if (event.source !== frame.contentWindow) return;
    const told = event.data as { sagews?: unknown; height?: unknown } | null;
    if (told?.sagews === "ready") frame.contentWindow?.postMessage({ sagews: "show", html: inner }, "*");
    else if (told?.sagews === "height" && typeof told.height === "number") {
      frame.style.height = `${Math.min(Math.max(told.height, height, 20), TALLEST)}px`;
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
