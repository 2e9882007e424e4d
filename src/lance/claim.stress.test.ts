/** The orders and seeds of claim.test.ts, many more of them. */
import { describe, expect, it } from "vitest";
import { type Event, modelWriter, tryByChance, tryEveryOrder } from "./claim-model.fixture.js";

const SEEDS = process.env["PENNON_STRESS"] === "short" ? 1_000 : 10_000;

describe("claims", () => {
  it("hold in whatever order two writers' requests come", async () => {
    const entries = 2;
    const orders = await tryEveryOrder(4, (history) => [
      modelWriter("A", history, { entries }),
      modelWriter("B", history, { entries }),
    ]);
    expect(orders).toBeGreaterThan(5_000);
  });

  it("hold in whatever order three writers' requests come", async () => {
    const writers = (history: Event[]) => ["A", "B", "C"].map((name) => modelWriter(name, history, { entries: 1 }));
    expect(await tryEveryOrder(2, writers)).toBeGreaterThan(2_000);
  });

  it("hold in any order, with any requests failing", async () => {
    for (let seed = 1_000; seed < 1_000 + SEEDS; seed++) await tryByChance(seed);
  });
});
