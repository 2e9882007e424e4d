/**
 * Runs vitest under a given Node and counts what happened, whatever happened: a vitest that crashes, finds nothing or is
 * killed counts as one failure.
 */
// @ts-check
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { cachePath, rootPath } from "./paths.mjs";

/** @typedef {{ passed: number, failed: number, skipped: number }} Tally */

/** @param {string} file @returns {Tally} */
function readTally(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

/**
 * @param {string[]} args passed on to `vitest run`
 * @param {string} [node] path of the Node to run on; this one unless told
 * @returns {Promise<{ tally: Tally, status: number }>}
 */
export async function runTests(args, node = process.execPath) {
  mkdirSync(cachePath, { recursive: true });
  const file = join(cachePath, `tally-${process.pid}-${Date.now()}.json`);
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  // Tests start `node` by name too: the one under test must come first.
  const path = `${dirname(node)}${delimiter}${process.env["PATH"] ?? ""}`;
  const child = spawn(node, [vitest, "run", ...args], {
    cwd: rootPath,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, PATH: path, PENNON_TALLY_FILE: file },
  });
  const status = await new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`cannot start ${node}: ${error.message}`);
      resolve(1);
    });
    child.on("close", (code) => resolve(code ?? 1));
  });
  const tally = readTally(file);
  rmSync(file, { force: true });
  if (status !== 0 && tally.failed === 0) tally.failed = 1;
  return { tally, status: status === 0 && tally.failed > 0 ? 1 : status };
}

/**
 * Prints `N passed, N failed` as a line of its own. When PENNON_SUM_FILE is set, another script adds several runs up and
 * prints that line at its end: then the counts go to that file, and the line printed here says whose they are.
 *
 * @param {string} name of the run
 * @param {Tally} tally
 */
export function reportTally(name, tally) {
  const sum = process.env["PENNON_SUM_FILE"];
  if (sum === undefined) {
    if (tally.skipped > 0) console.log(`${tally.skipped} skipped`);
    console.log(`${tally.passed} passed, ${tally.failed} failed`);
    return;
  }
  appendFileSync(sum, `${JSON.stringify({ name, ...tally })}\n`);
  console.log(`${name}: passed ${tally.passed}, failed ${tally.failed}, skipped ${tally.skipped}`);
}
