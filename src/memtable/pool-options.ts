/**
 * How a pool of memtables is made, with its defaults.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import type { MemtableOptions } from "./memtable-options.js";
import { MAX_SLOTS } from "./pool-layout.js";

/** How a pool is made: the sizes of its memtables are those of {@link MemtableOptions}. */
export interface PoolOptions extends MemtableOptions {
  /**
   * Arenas, 2 to 256: for the active memtable, for the frozen ones that wait for their flush, and some more for those that readers pin
   * beyond their release. An arena costs address space and a few KiB; memory only once it was in use.
   * @default 32
   */
  readonly slots?: number;
  /**
   * Milliseconds that a reader's pin on a released memtable counts as in use, from the last snapshot that took it; past it the arena
   * counts as abandoned to its holder. What the holder has stays valid in any case. 1 to 2^30.
   * @default 30000
   */
  readonly leaseMs?: number;
}

/** How a thread takes the ownership of a pool. */
export interface OwnerOptions {
  /**
   * Take it from an owner that did not give it up. It asserts that the thread which holds it has ended.
   * @default false
   */
  readonly takeover?: boolean;
  /** As in `MemtableOptions`. */
  readonly prefault?: boolean;
  /** As in `MemtableOptions`. */
  readonly expectedRows?: number;
}

const DEFAULT_SLOTS = 32;
const DEFAULT_LEASE_MS = 30_000;
const LEAST_SLOTS = 2;
const MAX_LEASE_MS = 2 ** 30;

/** @throws UsageError when an option is out of its bounds */
export function checkPoolOptions(options: PoolOptions): { readonly slots: number; readonly leaseMs: number } {
  const { slots = DEFAULT_SLOTS, leaseMs = DEFAULT_LEASE_MS } = options;
  if (!(Number.isInteger(slots) && slots >= LEAST_SLOTS && slots <= MAX_SLOTS)) {
    throw new UsageError(
      `slots is ${String(slots)}; expected a whole number of arenas, ${LEAST_SLOTS} to ${MAX_SLOTS}`,
    );
  }
  if (!(Number.isInteger(leaseMs) && leaseMs >= 1 && leaseMs <= MAX_LEASE_MS)) {
    throw new UsageError(`leaseMs is ${String(leaseMs)}; expected whole milliseconds, 1 to ${MAX_LEASE_MS}`);
  }
  return { slots, leaseMs };
}
