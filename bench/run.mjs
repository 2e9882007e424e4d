/**
 * `npm run bench -- store [--json] [--smoke] [--case TEXT]`: measures, and holds the figures against their targets.
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
import { storeCases } from "./store.mjs";

const suites = new Map([["store", storeCases]]);

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
  const cases = names.flatMap((name) => suites.get(name) ?? []).filter(({ name }) => name.includes(text));
  if (cases.length === 0) throw new TypeError(`no case has ${JSON.stringify(text)} in its name`);
  const model = cpus()[0]?.model ?? "unknown processor";
  console.error(`Node ${process.version}, ${availableParallelism()} x ${model}${smoke ? ", smoke run" : ""}`);
  const results = [];
  let crashed = 0;
  for (const { name, measure } of cases) {
    const start = performance.now();
    try {
      const found = await measure(smoke ? SMOKE : FULL);
      results.push(...found);
      if (json) for (const line of found) console.log(JSON.stringify(line));
      console.error(`${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
    } catch (error) {
      crashed++;
      console.error(`${name}: crashed:`, error);
    }
  }
  if (!json) console.log(table(results));
  const missed = results.filter(({ meets }) => meets === false).length;
  const held = results.filter(({ meets }) => meets !== null).length;
  console.error(`${held - missed} of ${held} targets reached, ${crashed} cases crashed (check ${kept().toFixed(0)})`);
  return crashed === 0 ? 0 : 1;
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
