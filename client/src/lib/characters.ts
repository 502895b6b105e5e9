/** Characters: places in text, in UTF-16 units (JavaScript, editors) and in Unicode code points (Jupyter messages). */

/** How many code points are in the first `units` UTF-16 units of the text. */
export function codePoints(text: string, units: number): number {
  let count = 0;
  for (let place = 0; place < Math.min(units, text.length); place += 1) {
    if (isPair(text, place)) place += 1;
    count += 1;
  }
  return count;
}

/** How many UTF-16 units the first `points` code points of the text have. */
export function utf16Units(text: string, points: number): number {
  let place = 0;
  for (let count = 0; count < points && place < text.length; count += 1) place += isPair(text, place) ? 2 : 1;
  return place;
}

function isPair(text: string, place: number): boolean {
  return (text.codePointAt(place) ?? 0) > 0xffff;
}
