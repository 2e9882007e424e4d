/**
 * Lays out many empty memtables at once: one is made, the others are made like it.
 *
 * @module
 */
import { INDEX_HEADER_BYTES } from "../kernels/key-index.js";
import { Arena } from "../store/arena.js";
import { copyEmptyArena } from "../store/format-arena.js";
import { Memtable } from "./memtable.js";
import type { MemtableHandle } from "./memtable-handle.js";
import type { MemtableOptions } from "./memtable-options.js";

/**
 * Handles of empty memtables without a writer.
 *
 * @throws UsageError as `Memtable.create` does
 */
export function layOutMemtables(options: MemtableOptions, count: number): MemtableHandle[] {
  const memtable = Memtable.create({ ...options, prefault: false });
  const first = memtable.handle();
  memtable.close();
  const arena = new Arena(first.store.memory);
  return Array.from({ length: count }, (_, i) => {
    if (i === 0) return first;
    const { memory } = copyEmptyArena(arena, INDEX_HEADER_BYTES);
    return { ...first, store: { ...first.store, memory } };
  });
}
