/** Mime: which of the forms in which an output comes is shown. Pure. */

import { joinText } from "../../lib/index";
import type { JsonObject } from "../../lib/index";

/** What can be shown, the best first. */
const ORDER = [
  "text/html",
  "text/markdown",
  "image/svg+xml",
  "text/latex",
  "image/png",
  "image/jpeg",
  "image/gif",
  "image/webp",
  "application/json",
  "text/plain",
] as const;

export type Mime = (typeof ORDER)[number];

/** The best form of the output that can be shown, or undefined. */
export function chooseMime(data: JsonObject): Mime | undefined {
  return ORDER.find((mime) => data[mime] !== undefined && data[mime] !== null && !isEmpty(data[mime]));
}

/** The text of one form of an output. */
export function textOf(data: JsonObject, mime: string): string {
  const value = data[mime];
  if (typeof value === "string" || Array.isArray(value)) return joinText(value);
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

function isEmpty(value: unknown): boolean {
  return value === "" || (Array.isArray(value) && value.every((piece) => piece === ""));
}

/**
 * Whether HTML does something, or styles what is outside of it: it is then shown in a frame of its own. What this
 * misses is harmless, as the rest is sanitised.
 */
export function isActive(html: string): boolean {
  const tags = /<(?:script|iframe|object|embed|form|canvas|video|audio|link|style(?![^>]*\sscoped))[\s/>]/i;
  return tags.test(withoutMathScripts(html)) || /<[a-z][^>]*\son[a-z]+\s*=/i.test(html);
}

/** Old Sage writes formulas as `<script type="math/tex">`: here as the same between `\(` and `\)`. */
export function withoutMathScripts(html: string): string {
  const script = /<script\s+type="math\/tex(;\s*mode=display)?">([^]*?)<\/script>/gi;
  return html.replace(script, (_all, display: string | undefined, tex: string) =>
    display ? `\\[${escapeHtml(tex)}\\]` : `\\(${escapeHtml(tex)}\\)`,
  );
}

/** Text as HTML that shows it. */
export function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
