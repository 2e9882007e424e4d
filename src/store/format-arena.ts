/**
 * Laying out a new arena: where schema, scratch regions and data begin. See `layout.ts` for the picture.
 *
 * @module
 */
import { aligned } from "../arrow/message.js";
import { encodeSchemaMessage, normaliseSchema } from "../arrow/schema.js";
import type { SchemaLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";
import { Arena } from "./arena.js";
import { Control } from "./control.js";
import { HEADER_BYTES, MAX_ARENA_PAGES, MAX_SCRATCH_BYTES, PAGE_BYTES, SCRATCH_REGIONS, SLOT_BYTES } from "./layout.js";

const DEFAULT_ARENA_BYTES = 268_435_456;
const MAX_ARENA_BYTES = MAX_ARENA_PAGES * PAGE_BYTES;
/** The original's guess of a batch's size, and its margin. */
const AVERAGE_BATCH_BYTES = 65_536;
const CAPACITY_MARGIN = 1.2;
const LEAST_CAPACITY = 16;

/** What a store is made of. */
export interface ArenaOptions {
  /** Schema of all batches: an Arrow schema of any copy or version of apache-arrow. */
  readonly schema: SchemaLike;
  /**
   * Bytes of shared memory for everything: headers, schema, batches, slots. 64 KiB to 4 GiB, rounded up to a multiple of 64 KiB.
   * Memory is only used as it is filled.
   * @default 268435456 (256 MiB)
   */
  readonly bytes?: number;
  /**
   * Batches at most.
   * @default one for each 256 bytes, at least `BatchStore.recommendedCapacity(bytes)`
   */
  readonly capacity?: number;
}

/**
 * Batches to provide for in a memtable of `memtableBytes`: one for each 64 KiB and a fifth more, at least 16.
 *
 * @throws UsageError when `memtableBytes` is not a number of bytes, 0 or more
 */
export function recommendedCapacity(memtableBytes: number): number {
  if (!(Number.isFinite(memtableBytes) && memtableBytes >= 0)) {
    throw new UsageError(`memtable bytes is ${String(memtableBytes)}; expected a finite number, 0 or more`);
  }
  const batches = Math.floor(memtableBytes / AVERAGE_BATCH_BYTES);
  return Math.max(Math.floor(batches * CAPACITY_MARGIN), LEAST_CAPACITY);
}

/**
 * Allocates an arena and lays it out as an empty store.
 *
 * @param indexBytes bytes of the index of a memtable, which come on top of `bytes`; a multiple of 64
 */
export function formatArena(options: ArenaOptions, indexBytes = 0): Arena {
  if (typeof options !== "object" || options === null) {
    throw new UsageError("options are missing; expected at least a schema: BatchStore.create({ schema })");
  }
  const bytes = options.bytes ?? DEFAULT_ARENA_BYTES;
  if (!(Number.isFinite(bytes) && bytes > 0 && bytes <= MAX_ARENA_BYTES)) {
    throw new UsageError(`bytes is ${String(bytes)}; expected more than 0 and at most ${MAX_ARENA_BYTES} (4 GiB)`);
  }
  const storeBytes = PAGE_BYTES * Math.ceil(bytes / PAGE_BYTES);
  const arenaBytes = PAGE_BYTES * Math.ceil((storeBytes + indexBytes) / PAGE_BYTES);
  if (arenaBytes > MAX_ARENA_BYTES) {
    throw new UsageError(
      `bytes is ${bytes} and the index takes up to ${indexBytes} more; expected at most ${MAX_ARENA_BYTES} (4 GiB) together: ask for fewer rows or bytes`,
    );
  }
  // No store can hold more batches than slots fit in its memory, so a larger default would only mislead.
  const capacity = options.capacity ?? Math.max(Math.floor(storeBytes / 256), recommendedCapacity(storeBytes));
  if (!(Number.isInteger(capacity) && capacity > 0)) {
    throw new UsageError(`capacity is ${String(capacity)}; expected a whole number of batches, 1 or more`);
  }
  const schema = normaliseSchema(options.schema);
  const message = encodeSchemaMessage(schema);
  const scratchStart = aligned(HEADER_BYTES + message.byteLength);
  const scratchBytes = Math.min(storeBytes / 1024, MAX_SCRATCH_BYTES);
  const indexStart = aligned(scratchStart + SCRATCH_REGIONS * scratchBytes);
  if (indexStart + SLOT_BYTES >= storeBytes) {
    throw new UsageError(`bytes is ${bytes}, but header and schema alone take ${indexStart}; ask for more`);
  }
  if (capacity * SLOT_BYTES > MAX_ARENA_BYTES) {
    throw new UsageError(
      `capacity is ${capacity}; an arena of 4 GiB has room for ${MAX_ARENA_BYTES / SLOT_BYTES} slots`,
    );
  }
  const arena = Arena.allocate(arenaBytes);
  arena.u8.set(message, HEADER_BYTES);
  new Control(arena).format(arenaBytes / PAGE_BYTES, {
    capacity,
    schemaBytes: message.byteLength,
    scratchStart,
    scratchBytes,
    dataStart: indexStart + indexBytes,
    indexStart,
    indexBytes,
  });
  return arena;
}

/**
 * Another arena laid out as this one is, which must be empty and have no writer: a hundredth of the work of laying one out.
 *
 * @param indexHeaderBytes bytes at the start of the index region that say how it is laid out
 */
export function copyEmptyArena(arena: Arena, indexHeaderBytes: number): Arena {
  const { scratchStart, indexStart } = new Control(arena).identity(arena.bytes / PAGE_BYTES);
  const copy = Arena.allocate(arena.bytes);
  copy.u8.set(arena.u8.subarray(0, scratchStart));
  copy.u8.set(arena.u8.subarray(indexStart, indexStart + indexHeaderBytes), indexStart);
  return copy;
}
