/** The index under four threads: one inserts and makes it grow, three look keys up at random snapshots; every answer is checked. */
import { expect, it } from "vitest";
import { fillBesideProbers } from "./start-index-threads.fixture.js";

it("is right for every reader at every snapshot, while it is written and grows", async () => {
  const { probers, tables } = await fillBesideProbers(60_000, 400, 1);
  expect(tables).toBeGreaterThan(5);
  for (const { answers, wrong } of probers) {
    expect(wrong).toBe(0);
    expect(answers).toBeGreaterThan(5_000);
  }
});

it.each([700, 9_500])("is right while keys ascend, for %i rows, and from then on", async (ascending) => {
  const { probers } = await fillBesideProbers(10_000, 100, ascending, ascending);
  for (const { answers, wrong } of probers) {
    expect(wrong).toBe(0);
    expect(answers).toBeGreaterThan(2_000);
  }
});
