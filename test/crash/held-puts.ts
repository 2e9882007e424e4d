/**
 * Which puts are in the memtables of a writer, told by the keys of their rows alone.
 *
 * @module
 */
import type { LiveMemtable } from "../../src/writer/memtable-set.js";
import { callerName, nameOf } from "./put-plan.js";

/** Of each caller, the number of its last put that is there. */
export function heldPuts(memtables: readonly LiveMemtable[]): Map<string, number> {
  const held = new Map<string, number>();
  for (const { store } of memtables) {
    const ids = store.column("id");
    for (let batch = 0; batch < store.length; batch++) {
      const keys = ids.values(batch);
      if (!(keys instanceof BigInt64Array)) throw new Error("the key column holds no 64-bit numbers");
      for (let row = 0; row < ids.rows(batch); row++) {
        const { name } = nameOf(keys[row] ?? 0n);
        const caller = callerName(name);
        held.set(caller, Math.max(held.get(caller) ?? -1, name.number));
      }
    }
  }
  return held;
}
