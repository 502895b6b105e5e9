/**
 * The first worksheet in Firefox, over WebDriver BiDi: node firefox.mjs ADDRESS FOLDER
 *
 * Prints one JSON object with what was seen in the page, for test_firefox.py to judge; FOLDER gets a screenshot.
 */

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const FIREFOX = "/usr/bin/firefox-esr";
const CALCULATION_MILLISECONDS = 60_000;
const [address, folder] = process.argv.slice(2);

const fromClient = createRequire(new URL("../../client/package.json", import.meta.url));
const { default: puppeteer } = await import(pathToFileURL(fromClient.resolve("puppeteer-core")).href);

/** What is said about the run of a cell that has ended, and what it shows. */
function lookAt(number) {
  const cell = document.querySelectorAll("[data-cell-id]")[number];
  const output = cell.querySelector(".cell-output");
  const picture = output.querySelector("img");
  return {
    status: cell.dataset.status,
    text: [...output.querySelectorAll(".output-text")].map((one) => one.textContent).join(""),
    pictureWidth: picture?.complete ? picture.naturalWidth : 0,
    formulas: output.querySelectorAll(".katex .katex-html").length,
    formulaHeight: output.querySelector(".katex-html")?.getBoundingClientRect().height ?? 0,
  };
}

/** Whether the run of a cell has ended and its outputs are drawn (a frame later), pictures too. */
function isShown(number) {
  const cell = document.querySelectorAll("[data-cell-id]")[number];
  const ended = ["ok", "error", "interrupted", "died"].includes(cell?.dataset.status);
  const drawn = cell?.querySelector(".output-text, .katex-html, img");
  return ended && drawn && [...cell.querySelectorAll("img")].every((one) => one.complete && one.naturalWidth > 0);
}

async function press(page, name) {
  await page.locator(`::-p-aria([name="${name}"][role="button"])`).click();
}

/** Writes into the cell that has the focus and runs it; the next one gets the focus. */
async function run(page, number, source) {
  await page.waitForFunction(
    (n) => document.querySelectorAll("[data-cell-id]")[n]?.contains(document.activeElement),
    {},
    number,
  );
  await page.keyboard.type(source);
  await page.keyboard.down("Shift");
  await page.keyboard.press("Enter");
  await page.keyboard.up("Shift");
  await page.waitForFunction(isShown, { timeout: CALCULATION_MILLISECONDS }, number);
  return page.evaluate(lookAt, number);
}

async function firstWorksheet(page, sources) {
  await page.goto(address);
  await press(page, "New workspace");
  await page.locator("dialog input").fill("In Firefox");
  await press(page, "Create");
  await press(page, "New worksheet");
  const cells = [];
  for (const [number, source] of sources.entries()) cells.push(await run(page, number, source));
  return cells;
}

const sources = JSON.parse(process.env.CELLS);
const browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, protocol: "webDriverBiDi" });
const complaints = [];
try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 1000 });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message ?? error}`));
  page.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
  const cells = await firstWorksheet(page, sources);
  await page.screenshot({ path: path.join(folder, "firefox.png") });
  const state = await page.$eval('[data-testid="kernel-state"]', (element) => element.textContent);
  console.log(JSON.stringify({ version: await browser.version(), state, cells, complaints }));
} finally {
  await browser.close();
}
