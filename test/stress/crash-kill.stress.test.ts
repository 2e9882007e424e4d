import { expect, it } from "vitest";
import { killRounds } from "../crash/kill-rounds.js";
import { seed, seeded, short } from "./run.js";

const ROUNDS = short ? 40 : 240;

it(`${ROUNDS} processes are killed at random instants, and no log lacks what was acknowledged`, async () => {
  await seeded(async () => {
    const summary = await killRounds(seed, ROUNDS);
    console.log(JSON.stringify({ seed, ...summary }));
    expect(summary.acknowledged).toBeGreaterThan(ROUNDS);
    if (short) return;
    expect(Math.min(...Object.values(summary.killed))).toBeGreaterThan(10);
    expect(summary.memtables).toBeGreaterThan(2);
  });
});
