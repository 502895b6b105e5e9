// The first scenario in Firefox, over WebDriver BiDi: `node firefox.mjs ADDRESS`, run in client/.
// Prints what the page shows as JSON; the Python test that starts it looks whether it is right.

import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/package.json`);
const { default: puppeteer } = await import(require.resolve("puppeteer-core"));

const CELLS = [
  "factor(2^64+1)",
  "plot(sin, (0, 7))",
  "show(integrate(sin(x)^2, x))",
  "for i in range(5): print(i)",
  "1/0",
];
const PATIENCE = { timeout: 60_000 };

const firefox = await puppeteer.launch({
  browser: "firefox",
  executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
  headless: true,
  extraPrefsFirefox: { "browser.cache.disk.enable": false, "remote.prefs.recommended": true },
});
try {
  const page = await firefox.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
  await page.goto(process.argv[2]);
  // Who has no workspace yet is shown this button, once the (empty) list has come.
  const first = await page.waitForSelector("button.primary.large", PATIENCE);
  await first.click();
  for (const [number, code] of CELLS.entries()) {
    await page.waitForFunction((n) => document.querySelectorAll("[data-cell-id]").length > n, PATIENCE, number);
    await page.keyboard.type(code);
    await page.keyboard.down("Shift");
    await page.keyboard.press("Enter");
    await page.keyboard.up("Shift");
  }
  await page.waitForFunction(
    (count) => document.querySelectorAll("[data-status=ok], [data-status=error]").length === count,
    PATIENCE,
    CELLS.length,
  );
  await page.waitForFunction(() => document.querySelector(".katex-html") && document.querySelector("img")?.naturalWidth, PATIENCE);
  const shown = await page.evaluate(() => ({
    outputs: [...document.querySelectorAll("[data-cell-id]")].map((cell) => cell.querySelector(".cell-output")?.innerText ?? ""),
    statuses: [...document.querySelectorAll("[data-cell-id]")].map((cell) => cell.dataset.status),
    picture: document.querySelector("img").naturalWidth,
    formulas: document.querySelectorAll(".katex-html").length,
    agent: navigator.userAgent,
  }));
  if (process.argv[3]) await page.screenshot({ path: process.argv[3] });
  console.log(JSON.stringify({ ...shown, complaints }));
} finally {
  await firefox.close();
}
