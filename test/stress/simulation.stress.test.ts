import { expect, it } from "vitest";
import { simulate } from "../simulation/simulation.js";
import { mix, seed, short } from "./run.js";

const SEEDS = short ? 500 : 4_000;

it(`${SEEDS} histories of writers that take over from each other: nothing acknowledged is lost`, async () => {
  const total: Record<string, number> = {};
  for (let i = 0; i < SEEDS; i++) {
    // With PENNON_SEED the first history is the one of that seed.
    const { tally } = await simulate(i === 0 ? seed : mix(seed, i), { traceLines: 200 });
    for (const [what, count] of Object.entries(tally)) total[what] = (total[what] ?? 0) + count;
  }
  console.log(JSON.stringify({ seed, ...total }));
  expect(total["acknowledged disk"]).toBeGreaterThan(SEEDS);
});
