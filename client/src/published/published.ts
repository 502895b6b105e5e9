/** Published: what static pages do by themselves: draw formulas, fold long outputs, search the list, name old versions. */

import "./published.css";
import { drawFormula, drawFormulasInText } from "../app/output/formula";
import { prepareLatex } from "../app/output/latex";

function drawFormulas(): void {
  for (const place of document.querySelectorAll(".latex"))
    place.replaceChildren(drawFormula(prepareLatex(place.textContent)));
  for (const place of document.querySelectorAll(".prose, .html")) drawFormulasInText(place);
}

/** The worksheet's list of everything: shows the entries that have all the words. */
function searchEntries(): void {
  const input = document.querySelector<HTMLInputElement>("#search");
  const found = document.querySelector("#found");
  if (!input || !found) return;
  const entries = [...document.querySelectorAll<HTMLElement>("#entries > li")];
  input.hidden = false;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const entry of entries) {
      const text = entry.dataset["words"] ?? "";
      entry.hidden = !words.every((word) => text.includes(word));
      if (!entry.hidden) count += 1;
    }
    found.textContent = words.length === 0 ? "" : count === 1 ? "1 is found." : `${count} are found.`;
  });
}

/** A page of an old version says so. */
function nameVersion(): void {
  const [, publication, version] = /^(.*)\/versions\/(\d+)\//.exec(location.pathname) ?? [];
  const main = document.querySelector("main");
  if (publication === undefined || version === undefined || !main) return;
  const link = document.createElement("a");
  link.href = `${publication}/`;
  link.textContent = "the one that is shown now";
  const note = document.createElement("p");
  note.className = "old-version";
  note.append(`This is version ${version}; here is `, link, ".");
  main.prepend(note);
}

drawFormulas();
searchEntries();
nameVersion();
