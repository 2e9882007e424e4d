/** Any order of steps of an owner and its readers, against a plain model: what is live, what is held, which arenas are free. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { PoolModel, type PoolStep } from "./pool-model.fixture.js";

const small = fc.nat({ max: 20 });
const ownerStep = fc.constantFrom<PoolStep>(
  ...(["freeze", "activate", "release", "reclaim", "freeze", "activate"] as const).map((step) => ({ step })),
);
const steps: fc.Arbitrary<PoolStep[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: ownerStep },
    {
      weight: 2,
      arbitrary: fc.record({ step: fc.constant("append" as const), count: fc.integer({ min: 1, max: 6 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ step: fc.constant("durable" as const), count: fc.integer({ min: 1, max: 8 }) }),
    },
    { weight: 1, arbitrary: fc.constant<PoolStep>({ step: "attach" }) },
    {
      weight: 3,
      arbitrary: fc.record({ step: fc.constant("snapshot" as const), reader: small, durableOnly: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ step: fc.constant("letGo" as const), which: small }) },
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.record({ step: fc.constant("close" as const), which: small }),
        fc.constant<PoolStep>({ step: "handOn" }),
        fc.constant<PoolStep>({ step: "takeOver" }),
      ),
    },
  ),
  { minLength: 30, maxLength: 80, size: "max" },
);

const plain = (step: "freeze" | "activate" | "release" | "attach"): PoolStep => ({ step });
const snapshot: PoolStep = { step: "snapshot", reader: 0, durableOnly: false };
const times = (count: number, run: readonly PoolStep[]): PoolStep[] => Array.from({ length: count }, () => run).flat();

/** What random steps seldom come to: no arena free, for want of a flush, and for readers that hold on. */
const rare: [PoolStep[]][] = [
  [times(6, [plain("activate"), plain("freeze")])],
  [
    [
      plain("attach"),
      ...times(6, [plain("activate"), { step: "append", count: 2 }, snapshot, plain("freeze"), plain("release")]),
      { step: "letGo", which: 0 },
      plain("activate"),
      { step: "close", which: 0 },
      ...times(4, [plain("freeze"), plain("activate"), { step: "append", count: 3 }]),
    ],
  ],
];

it("a pool is as its model, whatever is done to it", () => {
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(steps, (run) => {
      const model = new PoolModel();
      try {
        for (const step of run) {
          model.run(step);
          model.check();
        }
      } finally {
        model.close();
      }
      for (const outcome of model.outcomes) outcomes.add(outcome);
    }),
    { numRuns: 30, examples: rare },
  );
  // What the steps are for must have come up.
  for (const outcome of [
    "full of live",
    "full of pins",
    "activated an emptied one",
    "activated a free one",
    "released a held one",
    "closed with snapshots",
  ]) {
    expect(outcomes).toContain(outcome);
  }
});
