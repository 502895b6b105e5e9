/** Bundles every tests/*.test.ts and runs them with Node's own test runner; arguments go to the runner. */

import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const names = (await readdir(here)).filter((name) => name.endsWith(".test.ts"));
// Inside the project, so that what is not bundled is found in node_modules.
const built = await mkdtemp(path.join(here, "../node_modules/.tests-"));
try {
  await build({
    entryPoints: names.map((name) => path.join(here, name)),
    outdir: built,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    target: "node20",
    format: "esm",
    sourcemap: "inline",
    logLevel: "warning",
  });
  const files = names.map((name) => path.join(built, name.replace(/\.ts$/, ".mjs")));
  const run = spawnSync(
    process.execPath,
    ["--enable-source-maps", "--test", "--test-reporter=spec", ...process.argv.slice(2), ...files],
    {
      cwd: here,
      stdio: "inherit",
    },
  );
  process.exitCode = run.status ?? 1;
} finally {
  await rm(built, { recursive: true, force: true });
}
