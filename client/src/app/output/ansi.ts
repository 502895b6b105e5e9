/**
 * Ansi: what SGR escape sequences (ECMA-48, 8.3.117; ITU-T T.416 for 256 and true colours) do to text. Pure.
 *
 * Styles that are the same are the same object, so that they can be compared by identity.
 */

/** A colour: "0".."15" of the palette that the style sheet defines, or "#rrggbb"; "" = the standard one. */
export type Colour = string;

export interface Style {
  readonly foreground: Colour;
  readonly background: Colour;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
  readonly strike: boolean;
}

const known = new Map<string, Style>();

function intern(style: Style): Style {
  const key = Object.values(style).join(",");
  const found = known.get(key);
  if (found) return found;
  // A program that uses every true colour does not fill the memory.
  if (known.size > 4096) known.clear();
  known.set(key, style);
  return style;
}

export const PLAIN: Style = intern({
  foreground: "",
  background: "",
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false,
});

const CHANGES: { readonly [code: number]: Partial<Style> } = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { strike: true },
  21: { underline: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  29: { strike: false },
  39: { foreground: "" },
  49: { background: "" },
};

/** The style after `ESC [ parameters m`. */
export function applySgr(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map((code) => (code === "" ? 0 : Number(code)));
  let now = style;
  while (codes.length > 0) {
    const code = codes.shift() ?? 0;
    if (code === 0) now = PLAIN;
    else if (code === 38 || code === 48) {
      const colour = extendedColour(codes);
      if (colour !== null) now = { ...now, [code === 38 ? "foreground" : "background"]: colour };
    } else now = { ...now, ...simpleChange(code) };
  }
  return intern(now);
}

function simpleChange(code: number): Partial<Style> {
  if (code >= 30 && code <= 37) return { foreground: String(code - 30) };
  if (code >= 90 && code <= 97) return { foreground: String(code - 90 + 8) };
  if (code >= 40 && code <= 47) return { background: String(code - 40) };
  if (code >= 100 && code <= 107) return { background: String(code - 100 + 8) };
  return CHANGES[code] ?? {};
}

/** Takes `5 n` or `2 r g b` from the front of the codes; null where it is neither. */
function extendedColour(codes: number[]): Colour | null {
  const kind = codes.shift();
  if (kind === 5) return paletteColour(codes.shift() ?? 0);
  if (kind === 2) return hex(codes.splice(0, 3));
  return null;
}

/** Colour n of the 256: 16 of the style sheet, a cube of 6 x 6 x 6, 24 greys. */
export function paletteColour(n: number): Colour | null {
  if (!Number.isInteger(n) || n < 0 || n > 255) return null;
  if (n < 16) return String(n);
  if (n >= 232) return hex([0, 1, 2].map(() => 8 + (n - 232) * 10));
  const level = (value: number): number => (value === 0 ? 0 : 55 + value * 40);
  const cube = n - 16;
  return hex([Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level));
}

function hex(values: readonly number[]): Colour | null {
  if (values.length < 3 || values.some((value) => !(value >= 0 && value <= 255))) return null;
  return `#${values.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
}
