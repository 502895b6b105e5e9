/**
 * Builds dist/: the library (sagews.mjs, sagews.js, types/) and, where src/app has a main.ts, the pages.
 *
 * The files of the pages are named by their content (app/main-HASH.js ...), so that they can be cached for ever;
 * index.html names them, and manifest.json lists them all. `--watch` builds again at every change.
 */

import { build, context } from "esbuild";
import { spawnSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, "dist");
const watching = process.argv.includes("--watch");

const basis = {
  absWorkingDir: here,
  bundle: true,
  platform: "browser",
  target: ["es2022"],
  sourcemap: true,
  minify: true,
  legalComments: "linked",
  logLevel: "warning",
  define: { global: "globalThis" },
};
const library = { ...basis, entryPoints: ["src/lib/index.ts"] };

/** The library as an ES module and as a script that defines the global `sagews`. */
const targets = [
  { ...library, format: "esm", outfile: "dist/sagews.mjs" },
  { ...library, format: "iife", globalName: "sagews", outfile: "dist/sagews.js" },
];

/** The pages: script, style and fonts, with hashed names; then index.html and manifest.json, which name them. */
const pages = {
  ...basis,
  entryPoints: ["src/app/main.ts", "src/app/widgets/widgets.css"],
  alias: {
    // Of the library that draws widgets; the pages have one sanitiser for everything.
    "sanitize-html": path.join(here, "src/app/widgets/nosanitiser.ts"),
  },
  format: "esm",
  splitting: true,
  outdir: "dist/app",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: {
    ".woff2": "file",
    ".woff": "empty",
    ".ttf": "empty",
    ".svg": "file",
    ".png": "file",
  },
  metafile: true,
  plugins: [
    {
      name: "index",
      setup: (run) => run.onEnd((result) => (result.metafile ? writeIndex(result.metafile) : undefined)),
    },
  ],
};

/** What published pages bring with them: one script, one style, fonts. Their names stay, as pages are made once only. */
const published = {
  ...basis,
  entryPoints: ["src/published/published.ts"],
  format: "iife",
  outdir: "dist/published",
  assetNames: "[name]",
  sourcemap: false,
  loader: pages.loader,
};

/** Writes dist/index.html, where the placeholders {{...}} of src/app/index.html become addresses. */
async function writeIndex(metafile) {
  const files = Object.entries(metafile.outputs).filter(([name]) => !name.endsWith(".map"));
  const [script, { cssBundle }] = files.find(([, output]) => output.entryPoint === "src/app/main.ts");
  const [widgets] = files.find(([, output]) => output.entryPoint === "src/app/widgets/widgets.css");
  const address = (name) => (name ? path.posix.relative("dist", name) : "");
  await mkdir(path.join(dist, "published"), { recursive: true });
  await cp(path.join(here, "src/app/favicon.svg"), path.join(dist, "published/favicon.svg"));
  for (const name of ["frame.html", "favicon.svg"])
    await cp(path.join(here, "src/app", name), path.join(dist, name));
  const page = await readFile(path.join(here, "src/app/index.html"), "utf8");
  const addresses = { script: address(script), style: address(cssBundle), widgets: address(widgets) };
  await writeFile(
    path.join(dist, "index.html"),
    page.replaceAll(/\{\{(\w+)\}\}/g, (_all, name) => addresses[name]),
  );
  const manifest = {
    script: address(script),
    style: address(cssBundle),
    files: files.map(([name]) => address(name)).sort(),
  };
  await writeFile(path.join(dist, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

function writeTypes() {
  const compiler = path.join(here, "node_modules/typescript/bin/tsc");
  const run = spawnSync(process.execPath, [compiler, "-p", "tsconfig.lib.json"], {
    cwd: here,
    stdio: "inherit",
  });
  if (run.status !== 0) throw new Error("The types of the library could not be written; see above.");
}

/** What is handed out as it is: the page for active HTML, icons, the library's example. */
async function copyFiles() {
  const app = path.join(here, "src/app");
  const names = existsSync(app) ? await readdir(app) : [];
  for (const name of names.filter((name) => /\.(html|svg|png|ico)$/.test(name) && name !== "index.html")) {
    await cp(path.join(app, name), path.join(dist, name));
  }
  await cp(path.join(here, "example"), path.join(dist, "example"), { recursive: true });
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
if (existsSync(path.join(here, "src/app/main.ts"))) targets.push(pages, published);
await copyFiles();
try {
  for (const target of targets) await (watching ? (await context(target)).watch() : build(target));
  if (!watching) writeTypes();
} catch (error) {
  // esbuild has said where the mistake is.
  console.error(`client/dist is not complete: ${error.message.split("\n")[0]}`);
  process.exitCode = 1;
}
