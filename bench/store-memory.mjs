/**
 * Memory: what a store takes besides the data, resident, in the arena and on the heap. What concerns a whole process is measured in a
 * child, see memory.child.mjs.
 */
// @ts-check
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BatchStore } from "./pennon.mjs";
import { atMost, result } from "./result.mjs";
import { mixedBatch, mixedSchema, pairBatch, pairSchema } from "./sources.mjs";

const SEMI_SPACE_MIB = 128;

/**
 * @param {"resident" | "allocation"} task
 * @param {readonly (string | number)[]} options
 * @returns {Promise<Record<string, number>>}
 */
async function inChild(task, ...options) {
  const file = fileURLToPath(new URL("./memory.child.mjs", import.meta.url));
  // A young generation that holds all that is allocated, so that nothing is collected while it is counted.
  const flags = [
    "--expose-gc",
    ...(task === "allocation"
      ? [`--min-semi-space-size=${SEMI_SPACE_MIB}`, `--max-semi-space-size=${SEMI_SPACE_MIB}`]
      : []),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, file, task, ...options.map(String)], {
    timeout: 120_000,
  });
  return JSON.parse(stdout);
}

/** @type {import("./store.mjs").Case} */
const residentCase = {
  name: "resident memory after 1 GiB of appends of 8,192 rows",
  async measure() {
    const { data = 0, total = 0, before = 0 } = await inChild("resident", 2 ** 30);
    return [
      result(`${residentCase.name}, whole process`, "x data", total / data, { target: atMost(1.1, "x data") }),
      result(`${residentCase.name}, growth`, "x data", (total - before) / data),
    ];
  },
};

/** @type {import("./store.mjs").Case} */
const overheadCase = {
  name: "arena bytes besides the rows",
  async measure() {
    const schemas = [
      { schema: pairSchema, of: "(int32, int32)", make: pairBatch },
      { schema: mixedSchema, of: "(int64, float64, utf8)", make: mixedBatch },
    ];
    return schemas.flatMap(({ schema, of, make }) =>
      [1, 100].map((rows) => {
        const store = BatchStore.create({ schema, bytes: 2 ** 20, prefault: false });
        const before = store.snapshot().arenaBytes;
        const { bytes } = store.append(make(rows));
        const overhead = store.snapshot().arenaBytes - before - bytes;
        store.close();
        return result(`${overheadCase.name}, batch of ${rows} ${rows === 1 ? "row" : "rows"} ${of}`, "bytes", overhead);
      }),
    );
  },
};

/** @type {import("./store.mjs").Case} */
const allocationCase = {
  name: "heap per append",
  async measure(plan) {
    const count = plan.smoke ? 20_000 : 100_000;
    const kinds = /** @type {const} */ (["pairs", "mixed", "slices"]);
    const names = {
      pairs: "100 rows (int32, int32)",
      mixed: "100 rows (int64, float64, utf8)",
      slices: "slices of those",
    };
    const results = [];
    for (const kind of kinds) {
      const { first = 0, second = 0, retained = 0 } = await inChild("allocation", kind, count);
      const target = { text: "<= 1024 bytes, the 2nd half within 10 % of the 1st", meets: () => steady(first, second) };
      const median = (first + second) / 2;
      results.push(result(`${allocationCase.name}, allocated, ${names[kind]}`, "bytes", median, { target }));
      results.push(
        result(`${allocationCase.name}, kept after collection, ${names[kind]}`, "bytes", retained, {
          target: atMost(1, "byte"),
        }),
      );
    }
    return results;
  },
};

/** @param {number} first @param {number} second bytes an append */
function steady(first, second) {
  return Math.max(first, second) <= 1024 && Math.abs(second - first) <= 0.1 * first;
}

/** @type {readonly import("./store.mjs").Case[]} */
export const memoryCases = [residentCase, overheadCase, allocationCase];
