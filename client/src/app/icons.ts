/** Icons: line drawings on a grid of 16 by 16, in the colour of the text around them. */

const SVG = "http://www.w3.org/2000/svg";

const DRAWINGS = {
  run: "M4.5 2.8v10.4l8.5-5.2z",
  runAll: "M2.5 3v10l6-5zM8.5 3v10l6-5z",
  stop: "M4 4h8v8H4z",
  restart: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  save: "M3 8.5 6.5 12 13 4.5",
  add: "M8 3v10M3 8h10",
  delete: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
  up: "M8 13V3.5M4 7l4-4 4 4",
  down: "M8 3v9.5M4 9l4 4 4-4",
  rename: "M3 13l.6-2.7 7-7 2.1 2.1-7 7z",
  download: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13h10",
  upload: "M8 10.5V3M4.8 6 8 2.8 11.2 6M3 13h10",
  share:
    "M6 8a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM14 4a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM14 12a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM5.8 7.1l4.4-2.2M5.8 8.9l4.4 2.2",
  keyboard: "M1.5 4.5h13v7h-13zM4 7h0M6.7 7h0M9.3 7h0M12 7h0M5 9.5h6",
  history: "M3 8a5 5 0 1 0 1.6-3.7M3 2v3h3M8 5v3.2l2.2 1.3",
  close: "M4 4l8 8M12 4l-8 8",
  folder: "M2 4h4.2l1.6 1.8H14v7.2H2z",
  file: "M4 2h5.5L12.5 5v9H4zM9.5 2v3h3",
  worksheet: "M3.5 2h9v12h-9zM6 5.5h4M6 8h4M6 10.5h2.5",
  import: "M2.5 9v4.5h11V9M8 2.5V10M5 7l3 3 3-3",
} as const;

export type IconName = keyof typeof DRAWINGS;

const FILLED: readonly string[] = ["run", "runAll", "stop"];

/** A drawing; it says nothing to who cannot see it, so its button needs a name. */
export function icon(name: IconName): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", FILLED.includes(name) ? "icon filled" : "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", DRAWINGS[name]);
  svg.append(path);
  return svg;
}
