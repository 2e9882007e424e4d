/**
 * `npm run bench -- [store] [memtable] [wal] [--json] [--smoke] [--case TEXT]`: measures, and holds the figures against their targets.
 *
 *   --json        one object a line: suite, case, unit, median, peer, peer_median, ratio, target, meets
 *   --smoke       runs every case quickly once, to see that it runs; its figures say little
 *   --case TEXT   only cases whose name contains TEXT
 *
 * Ends with code 0 whatever the figures are, 1 when a case crashed, 2 when the command line is wrong.
 */
// @ts-check
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { FULL, kept, SMOKE } from "./measure.mjs";
import { table } from "./result.mjs";

/**
 * @typedef {object} Suite
 * @property {readonly import("./store.mjs").Case[]} cases
 * @property {() => Promise<void>} [close] clears up after the last case
 */

/** Loaded when asked for: the peers of one suite are of no use to another. @type {ReadonlyMap<string, () => Promise<Suite>>} */
const suites = new Map([
  ["store", async () => (await import("./store.mjs")).storeSuite],
  ["memtable", async () => (await import("./memtable.mjs")).memtableSuite],
  ["wal", async () => (await import("./wal.mjs")).walSuite],
]);

function commandLine() {
  const { values, positionals } = parseArgs({
    options: { json: { type: "boolean" }, smoke: { type: "boolean" }, case: { type: "string" } },
    allowPositionals: true,
  });
  const unknown = positionals.find((name) => !suites.has(name));
  if (unknown !== undefined) {
    throw new TypeError(`there is no suite ${JSON.stringify(unknown)}; expected ${[...suites.keys()].join(", ")}`);
  }
  return { ...values, names: positionals.length === 0 ? [...suites.keys()] : positionals };
}

/** @param {ReturnType<typeof commandLine>} options */
async function run({ json = false, smoke = false, case: text = "", names }) {
  const chosen = [];
  for (const name of names) {
    const load = suites.get(name);
    if (load === undefined) continue;
    const suite = await load();
    chosen.push({ name, suite, cases: suite.cases.filter((each) => each.name.includes(text)) });
  }
  if (chosen.every(({ cases }) => cases.length === 0)) {
    throw new TypeError(`no case has ${JSON.stringify(text)} in its name`);
  }
  const model = cpus()[0]?.model ?? "unknown processor";
  console.error(`Node ${process.version}, ${availableParallelism()} x ${model}${smoke ? ", smoke run" : ""}`);
  /** @type {import("./result.mjs").Result[]} */
  const results = [];
  let crashed = 0;
  for (const { name, suite, cases } of chosen) {
    try {
      for (const each of cases) {
        const found = await measured(each, smoke);
        if (found === undefined) crashed++;
        for (const line of found ?? []) {
          results.push(line);
          if (json) console.log(JSON.stringify({ suite: name, ...line }));
        }
      }
    } finally {
      await suite.close?.();
    }
  }
  if (!json) console.log(table(results));
  const missed = results.filter(({ meets }) => meets === false).length;
  const held = results.filter(({ meets }) => meets !== null).length;
  console.error(`${held - missed} of ${held} targets reached, ${crashed} cases crashed (check ${kept().toFixed(0)})`);
  return crashed === 0 ? 0 : 1;
}

/**
 * @param {import("./store.mjs").Case} each
 * @param {boolean} smoke
 * @returns {Promise<import("./result.mjs").Result[] | undefined>} undefined when it crashed
 */
async function measured({ name, measure }, smoke) {
  const start = performance.now();
  try {
    const found = await measure(smoke ? SMOKE : FULL);
    console.error(`${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
    return found;
  } catch (error) {
    console.error(`${name}: crashed:`, error);
    return undefined;
  }
}

async function main() {
  try {
    process.exitCode = await run(commandLine());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`bench: ${error.message}`);
    process.exitCode = 2;
  }
}

await main();
