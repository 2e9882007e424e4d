/**
 * Builds dist/: the kernels (scripts/build-kernels.mjs), then the TypeScript sources.
 *
 * dist/ is replaced in one step and only when everything compiled, so a failed build leaves the old one in place and a
 * running process never meets half a tree. dist/.stamp holds a digest of what went in.
 *
 *   --if-stale      does nothing when dist/ was built from exactly these sources
 *   --if-possible   does nothing when the compiler is not installed (an install without devDependencies runs `prepare` too)
 */
// @ts-check
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { cachePath, rootPath } from "./paths.mjs";

const dist = join(rootPath, "dist");
const stamp = join(dist, ".stamp");
const kernels = join(rootPath, "src", "kernels", "wasm.generated.ts");
const notBuilt = /\.(test|bench|contract|fixture|generated)\.ts$/;

/** A digest of every file that can change what the build writes, in a fixed order. */
function sourceDigest() {
  const files = readdirSync(join(rootPath, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !notBuilt.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const settings = [
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "scripts/build.mjs",
    "scripts/build-kernels.mjs",
  ];
  const hash = createHash("sha256");
  for (const path of [...settings.map((name) => join(rootPath, name)), ...files]) {
    hash
      .update(`${relative(rootPath, path)}\0`)
      .update(readFileSync(path))
      .update("\0");
  }
  return hash.digest("hex");
}

/** True when dist/ and the generated kernels are there and were built from the sources as they are now. */
export function isFresh() {
  return existsSync(stamp) && existsSync(kernels) && readFileSync(stamp, "utf8") === sourceDigest();
}

/** @param {string} script @param {string[]} args */
function run(script, args) {
  // Everything goes to standard error: `npm pack --json` runs `prepare`, and its standard output is JSON.
  const done = spawnSync(process.execPath, [script, ...args], { cwd: rootPath, stdio: ["ignore", 2, 2] });
  if (done.error !== undefined) throw done.error;
  return done.status === 0;
}

/**
 * Makes each module that a thread runs one file with all it imports: a thread that has to find and read a hundred modules is ready after
 * 170 ms, with one file after 45.
 *
 * @param {string} folder
 */
function bundleThreads(folder) {
  /** @type {typeof import("esbuild")} */
  const { buildSync } = createRequire(import.meta.url)("esbuild"); // not there in an install without devDependencies
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith(".worker.js")) continue;
    const path = join(entry.parentPath, entry.name);
    buildSync({
      entryPoints: [path],
      outfile: path,
      allowOverwrite: true,
      bundle: true,
      external: ["@lancedb/lancedb"], // an optional peer, with a binary for each platform
      minify: true,
      platform: "node",
      format: "esm",
      target: "node20",
      logLevel: "error",
    });
  }
}

/** Builds; true when it succeeded. What went wrong is on standard error by then. */
export function build() {
  const digest = sourceDigest();
  if (!run(join(rootPath, "scripts", "build-kernels.mjs"), [])) return false;
  mkdirSync(cachePath, { recursive: true });
  const next = join(cachePath, `dist-${process.pid}`);
  try {
    const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
    if (!run(tsc, ["-p", join(rootPath, "tsconfig.build.json"), "--outDir", next])) return false;
    bundleThreads(next);
    const command = join(next, "cli", "main.js");
    if (existsSync(command)) chmodSync(command, 0o755);
    writeFileSync(join(next, ".stamp"), digest);
    rmSync(dist, { recursive: true, force: true });
    renameSync(next, dist);
    return true;
  } finally {
    rmSync(next, { recursive: true, force: true });
  }
}

function canCompile() {
  try {
    createRequire(import.meta.url).resolve("typescript/bin/tsc");
    return true;
  } catch {
    return false;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const options = process.argv.slice(2);
  const unknown = options.find((option) => option !== "--if-stale" && option !== "--if-possible");
  if (unknown !== undefined) {
    console.error(`build: unknown option ${unknown}; there are --if-stale and --if-possible`);
    process.exit(2);
  }
  if (options.includes("--if-possible") && !canCompile()) {
    console.error("build: left out, because the devDependencies are not installed");
  } else if (!options.includes("--if-stale") || !isFresh()) {
    const start = performance.now();
    if (!build()) process.exit(1);
    console.error(`build: dist/ written in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
}
