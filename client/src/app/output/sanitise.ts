/** Sanitise: HTML and SVG without anything that acts, as fragments of this document. */

import DOMPurify from "dompurify";

/** What would let an output look like, or send to, something that is not an output. */
const FORBIDDEN = [
  "style",
  "form",
  "input",
  "button",
  "textarea",
  "select",
  "dialog",
  "base",
  "meta",
  "link",
];

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName.toLowerCase() !== "a") return;
  const target = node.getAttribute("href") ?? "";
  if (target.startsWith("#")) return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer");
});

/** HTML that can stand in the page. */
export function sanitiseHtml(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    USE_PROFILES: { html: true, svg: true, svgFilters: true, mathMl: true },
    FORBID_TAGS: FORBIDDEN,
    ALLOW_DATA_ATTR: false,
    SANITIZE_NAMED_PROPS: true,
  });
}

/** An SVG picture that can stand in the page. */
export function sanitiseSvg(svg: string): DocumentFragment {
  return DOMPurify.sanitize(svg, {
    RETURN_DOM_FRAGMENT: true,
    USE_PROFILES: { svg: true, svgFilters: true },
    FORBID_TAGS: ["style"],
    ALLOW_DATA_ATTR: false,
  });
}
