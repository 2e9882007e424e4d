/** The long form of index-threads.test.ts. */
import { expect, it } from "vitest";
import { seed, seeded, short } from "../../test/stress/run.js";
import { fillBesideProbers } from "./start-index-threads.fixture.js";

const ROUNDS = short ? 2 : 30;
const ROWS = short ? 200_000 : 1_000_000;

it(`${ROUNDS} memtables of ${ROWS} rows: no reader gets a wrong answer`, async () => {
  await seeded(async () => {
    for (let round = 0; round < ROUNDS; round++) {
      // Every other memtable is one whose keys ascend at first.
      const ascending = round % 2 === 0 ? 0 : Math.ceil((ROWS * round) / ROUNDS);
      const { probers } = await fillBesideProbers(ROWS, [3, 100, 5_000][round % 3] ?? 3, seed + round, ascending);
      console.log(JSON.stringify({ seed, round, probers }));
      for (const { wrong } of probers) expect(wrong).toBe(0);
    }
  });
});
