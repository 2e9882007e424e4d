/** Random steps, the failing ones too, against a plain array: see test/store-model.ts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  colorBatch,
  colorSchema,
  mixedSchema,
  pairBatch,
  pairSchema,
  seededBatch,
  wideSchema,
} from "../../test/batches.js";
import { arbitrarySteps, type ModelOptions, StoreModel } from "../../test/store-model.js";

/** More batches than fit by their bytes. */
const MANY = 400;

describe("a store is like an array", () => {
  const cases: readonly (readonly [string, ModelOptions, number])[] = [
    [
      "with two columns",
      { schema: pairSchema, bytes: 65_536, capacity: 24, predictBytes: true, tooLarge: pairBatch(8_192) },
      100,
    ],
    [
      "with columns of many kinds",
      {
        schema: mixedSchema,
        bytes: 131_072,
        capacity: MANY,
        predictBytes: true,
        tooLarge: seededBatch(mixedSchema, 7, 3_000),
      },
      40,
    ],
    [
      "with a dictionary",
      {
        schema: colorSchema,
        bytes: 1 << 20,
        capacity: 20,
        predictBytes: false,
        tooLarge: colorBatch(["a"], new Array<number>(1 << 20).fill(0)),
      },
      40,
    ],
    [
      "with columns of every kind",
      {
        schema: wideSchema,
        bytes: 2 << 20,
        capacity: 20,
        predictBytes: false,
        tooLarge: seededBatch(wideSchema, 7, 12_000),
      },
      20,
    ],
  ];

  it.each(cases)("%s", (_, options, numRuns) => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(arbitrarySteps, (steps) => {
        const model = new StoreModel(options);
        model.check();
        for (const step of steps) model.run(step);
        model.checkRows();
        for (const outcome of model.outcomes) outcomes.add(outcome);
      }),
      { numRuns },
    );
    // What the steps are for must have come up.
    expect(outcomes).toContain("appended");
    expect(outcomes).toContain("Usage");
    expect(outcomes).toContain(options.capacity === MANY ? "Full bytes" : "Full batches");
  });
});
