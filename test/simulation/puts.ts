/**
 * What the writers of a simulation put: rows in all the forms they come in, deletes, nothing, and rows that are none.
 *
 * @module
 */
import type { Random } from "../arrow-random-data.js";
import type { History } from "./history.js";
import { type Profile, pick } from "./profile.js";
import { batchOfRows, malformedBatch, rowOf } from "./rows.js";
import type { PutRequest } from "./simulated-writer.js";

const FORMS = ["object", "object", "objects", "batch", "batch", "large", "group", "keys", "none", "bad"] as const;

export function drawPut(random: Random, { durabilities }: Profile, { rows: first, puts }: History): PutRequest {
  const durability = pick(random, durabilities);
  const counters = new Map<string, bigint>();
  if (random.chance(0.3)) counters.set(pick(random, ["ordinal", "other"]), BigInt(puts.length));
  const abort = random.chance(0.1) ? new AbortController() : undefined;
  const common = { kind: "rows" as const, durability, counters, abort, malformed: false };
  switch (pick(random, FORMS)) {
    case "object":
      return { ...common, input: rowOf(first), rows: 1 };
    case "objects": {
      const rows = 1 + random.below(6);
      return { ...common, input: Array.from({ length: rows }, (_, i) => rowOf(first + i)), rows };
    }
    case "batch": {
      const rows = 1 + random.below(20);
      return { ...common, input: batchOfRows(first, rows), rows };
    }
    case "large": {
      const rows = 64 + random.below(random.chance(0.05) ? 3_000 : 60);
      return { ...common, input: batchOfRows(first, rows), rows };
    }
    case "group": {
      const sizes = Array.from({ length: 2 + random.below(3) }, () => random.below(12));
      let rows = 0;
      const input = sizes.map((size) => {
        rows += size;
        return batchOfRows(first + rows - size, size);
      });
      return { ...common, input, rows };
    }
    case "keys": {
      const rows = 1 + random.below(3);
      return { ...common, kind: "keys", input: Array.from({ length: rows }, (_, i) => first + i), rows };
    }
    case "none":
      return { ...common, input: [], rows: 0, counters: new Map() };
    case "bad": {
      const input = random.chance(0.5) ? [rowOf(first), { id: "no number", text: "" }] : malformedBatch(first, 5);
      return { ...common, input, rows: 5, malformed: true };
    }
  }
}
