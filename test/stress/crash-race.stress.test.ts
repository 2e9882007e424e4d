import { expect, it } from "vitest";
import { raceRounds } from "../crash/race-rounds.js";
import { hasStrace } from "../crash/strace.js";
import { seed, seeded, short } from "./run.js";

const ROUNDS = short ? 20 : 100;

const traced = hasStrace("writers that wait between writing a file and giving it its name");

it(`${ROUNDS} processes take a shard over, and whatever the older ones acknowledge the newer ones replay`, async () => {
  await seeded(async () => {
    const summary = await raceRounds(seed, ROUNDS, traced);
    console.log(JSON.stringify({ seed, ...summary }));
    expect(summary.acknowledged).toBeGreaterThan(ROUNDS);
  });
});
