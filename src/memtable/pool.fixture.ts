/** Pools of the tests: every value of a memtable follows from its generation and the position, so that any byte that is wrong is seen. */
import { pairBatch, pairSchema } from "../../test/batches.js";
import { MemtablePool } from "./pool.js";
import type { PoolOptions } from "./pool-options.js";
import type { PoolSnapshot, SnapshotMemtable } from "./pool-snapshot.js";

/** Rows of each batch. */
export const ROWS = 20;

/** A pool of small memtables; nothing is active yet. */
export function smallPool(options: Partial<PoolOptions> = {}): MemtablePool {
  return MemtablePool.create({
    schema: pairSchema,
    primaryKey: ["id"],
    bytes: 65_536,
    batches: 100,
    maxRows: 2_000,
    prefault: false,
    slots: 4,
    ...options,
  });
}

/** First id of the batch at `position` in the memtable of `generation`. */
export function firstId(generation: number, position: number): number {
  return generation * 10_000 + position * 100;
}

/** Appends `count` batches to the active memtable. */
export function fill(pool: MemtablePool, count: number, rows = ROWS): void {
  const active = pool.live.at(-1);
  if (active === undefined) throw new Error("there is no active memtable");
  const { generation, memtable } = active;
  for (let i = 0; i < count; i++) memtable.append([pairBatch(rows, firstId(generation, memtable.store.length))]);
}

/** Freezes the active memtable, if there is one, and activates the next. */
export function rotate(pool: MemtablePool, generation: number): void {
  if (pool.live.at(-1)?.memtable.store.finished === false) pool.freeze(generation - 1);
  pool.activate(generation);
}

/** What is wrong in a snapshot's memtable, byte for byte; undefined when nothing is. */
export function wrongIn({ generation, memtable, batches, rows }: SnapshotMemtable): string | undefined {
  const { store } = memtable;
  const where = `generation ${generation}`;
  if (rows !== batches * ROWS) return `${where} has ${rows} rows in ${batches} batches`;
  if (store.length < batches) return `${where} has ${store.length} batches, the snapshot ${batches}`;
  const ids = store.column("id");
  const values = store.column("value");
  for (let position = 0; position < batches; position++) {
    const id = ids.values(position);
    const value = values.values(position);
    if (id?.length !== ROWS || value?.length !== ROWS) return `${where}, batch ${position}: not ${ROWS} rows`;
    const first = firstId(generation, position);
    for (let row = 0; row < ROWS; row++) {
      if (id[row] !== first + row || value[row] !== 10 * (first + row)) {
        return `${where}, batch ${position}, row ${row}: ${id[row]}, ${value[row]}`;
      }
    }
  }
  return undefined;
}

/** What is wrong in a snapshot. */
export function wrong({ memtables }: PoolSnapshot): string | undefined {
  let next = memtables[0]?.generation;
  for (const memtable of memtables) {
    if (memtable.generation !== next) return `generation ${memtable.generation} comes instead of ${next}`;
    const found = wrongIn(memtable);
    if (found !== undefined) return found;
    next++;
  }
  return undefined;
}

/** Generations and batches of a snapshot. */
export function shape({ memtables }: PoolSnapshot): [number, number][] {
  return memtables.map(({ generation, batches }) => [generation, batches]);
}
