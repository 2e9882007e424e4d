import { expect, it } from "vitest";
import { seed, seeded } from "../stress/run.js";
import { raceRounds } from "./race-rounds.js";
import { hasStrace } from "./strace.js";

const ROUNDS = 10;

const traced = hasStrace("writers that wait between writing a file and giving it its name");

it(`${ROUNDS} processes take a shard over, and whatever the older ones acknowledge the newer ones replay`, {
  timeout: 240_000,
}, async () => {
  await seeded(async () => {
    const summary = await raceRounds(seed, ROUNDS, traced);
    console.log(JSON.stringify({ seed, ...summary }));
    expect(summary.acknowledged).toBeGreaterThan(ROUNDS);
  });
});
