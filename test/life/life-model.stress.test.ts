/** Random lives of rows against a map: thousands of steps, replayed with PENNON_SEED. */
import { expect, it } from "vitest";
import { Random } from "../arrow-random-data.js";
import { mix, seed, seeded, short } from "../stress/run.js";
import { LifeModel } from "./life-model.js";
import { KINDS } from "./life-rows.js";

const STEPS = short ? 150 : 1_500;

it.each(KINDS.map((kind, i) => [kind.name, kind, i] as const))(
  `with the key %s: ${STEPS} steps`,
  async (_, kind, i) => {
    await seeded(async () => {
      const model = new LifeModel(kind, new Random(mix(seed, i)));
      try {
        // Until everything has happened, which with some seeds takes longer.
        for (
          let step = 0;
          step < STEPS || (Math.min(...Object.values(model.tally)) === 0 && step < 10 * STEPS);
          step++
        ) {
          await model.step();
        }
      } finally {
        await model.close();
      }
      console.log(JSON.stringify({ seed, kind: kind.name, ...model.tally }));
      expect(Math.min(...Object.values(model.tally))).toBeGreaterThan(0);
    });
  },
);
