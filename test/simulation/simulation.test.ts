import { describe, expect, it } from "vitest";
import { simulate } from "./simulation.js";

const SEEDS = 100;
/** So many at a time, as a test has only so much time. */
const SEEDS_PER_TEST = 25;
const replayed = process.env["PENNON_SEED"] ?? "";

describe.runIf(replayed !== "")("simulation", () => {
  it(`of seed ${replayed}`, async () => {
    const result = await simulate(Number(replayed), { traceLines: 10_000 });
    console.log(JSON.stringify(result));
  });
});

describe.skipIf(replayed !== "")("simulation", () => {
  const total: Record<string, number> = {};

  for (let first = 0; first < SEEDS; first += SEEDS_PER_TEST) {
    it(`keeps every promise in the histories of seeds ${first} to ${first + SEEDS_PER_TEST - 1}`, async () => {
      for (let seed = first; seed < first + SEEDS_PER_TEST; seed++) {
        const { tally } = await simulate(seed, { traceLines: 100 });
        for (const [what, count] of Object.entries(tally)) total[what] = (total[what] ?? 0) + count;
      }
    });
  }

  it("has let happen all that can", () => {
    for (const what of [
      "acknowledged disk",
      "acknowledged os",
      "acknowledged memory",
      "put: FullError",
      "put: ConflictError",
      "put: OutcomeUnknownError",
      "put: StorageError",
      "open: ConflictError",
      "crash",
      "power loss",
      "ambush",
      "intrusion",
      "commit",
      "repair",
    ]) {
      expect(total[what] ?? 0, what).toBeGreaterThan(0);
    }
  });

  it("runs the same way again from the same seed", async () => {
    for (const seed of [3, 17, 42]) {
      const first = await simulate(seed);
      expect(await simulate(seed)).toEqual(first);
      expect((await simulate(seed + 1)).hash).not.toBe(first.hash);
    }
  });

  it("says how to replay what it has found", async () => {
    await expect(simulate(5, { turns: 40, sabotage: true, traceLines: 3 })).rejects.toThrow(
      /holds only a part of put \d+ of .*\nReplay it with PENNON_SEED=5 npx vitest run test\/simulation\n(?: {2}.*\n?){3}/,
    );
  });
});
