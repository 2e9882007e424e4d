import { expect, it } from "vitest";
import { seed, seeded } from "../stress/run.js";
import { killRounds } from "./kill-rounds.js";

const ROUNDS = 10;

it(`${ROUNDS} processes are killed at random instants, and no log lacks what was acknowledged`, {
  timeout: 240_000,
}, async () => {
  await seeded(async () => {
    const summary = await killRounds(seed, ROUNDS);
    console.log(JSON.stringify({ seed, ...summary }));
    expect(summary.acknowledged).toBeGreaterThan(ROUNDS);
  });
});
