/** Random lives of rows, against a map: what is read after each step, by us and by LanceDB, is what the map holds. More of it in the stress run. */
import { expect, it } from "vitest";
import { Random } from "../arrow-random-data.js";
import { mix, seed, seeded } from "../stress/run.js";
import { LifeModel } from "./life-model.js";
import { KINDS } from "./life-rows.js";

const STEPS = 50;

it.each(KINDS.map((kind, i) => [kind.name, kind, i] as const))(
  `with the key %s: ${STEPS} steps`,
  { timeout: 120_000 },
  async (_, kind, i) => {
    await seeded(async () => {
      const model = new LifeModel(kind, new Random(mix(seed, i)));
      try {
        // Until LanceDB was asked too, which with some seeds takes longer.
        for (let step = 0; step < STEPS || (model.tally.lance === 0 && step < 10 * STEPS); step++) await model.step();
      } finally {
        await model.close();
      }
      console.log(JSON.stringify({ seed, ...model.tally }));
      expect(model.tally.lance).toBeGreaterThan(0);
    });
  },
);
