import { expect, it } from "vitest";
import { seed, seeded, short } from "../stress/run.js";
import { randomKillRounds } from "./random-kill-rounds.js";

const ROUNDS = short ? 8 : 100;

it(`${ROUNDS} processes are killed at random instants, with maintenance under way in their threads`, async () => {
  await seeded(async () => {
    const operations = await randomKillRounds(seed, ROUNDS);
    console.log(JSON.stringify({ seed, operations }));
    expect(operations).toBeGreaterThan(ROUNDS * 20);
  });
});
