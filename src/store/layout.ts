/**
 * The bytes of an arena that holds a batch store. All control words and slot fields of shared memory are named here and nowhere else.
 *
 * An arena is one fixed-size shared memory of `arenaBytes`, a multiple of 64 KiB, at most 4 GiB. Little-endian, 32-bit words.
 *
 * ```
 * 0                                                                                             arenaBytes
 * │ header │ schema message │ scratch regions │ index │ messages ───────▶     free     ◀─────── slots │
 *   1,024    64-aligned       16 × scratchBytes  ▲       64-aligned, no gaps           slot i ends at
 *                                                │       ▲ dataStart                    arenaBytes − 32 i
 *                                                indexStart: of a memtable's primary-key index, 0 bytes without one
 *
 * header: one 64-byte line for each word that changes, so that no two threads write to one cache line
 *   line  0  identity, written once before any handle exists:
 *            0 magic "PNBS"   1 layout version   2 arena pages (64 KiB)   3 capacity in batches
 *            4 schema bytes   5 scratch start    6 scratch bytes          7 data start
 *            8 index start    9 index bytes
 *   line  1  generation   how often the arena has been taken into use, from 1; changed by the recycler, with READERS = −1
 *   line  2  writer       id of the thread's claim on appending, 0 = none; compare-and-swap
 *   line  3  committed    batches that readers may read; written by the writer alone, last of all (invariant 3)
 *   line  4  durable      batches that are durable; written by its owner alone (invariant 7)
 *   line  5  durableOwner id of the claim on the durable cursor, 0 = none; compare-and-swap
 *   line  6  indexed      batches that are in the index of a memtable; written by the writer alone, only moves forward
 *   line  7  readers      attached readers, −1 while the arena is being recycled; compare-and-swap
 *   line  8  dirty        bytes / 64 from which on memory is zero since it was allocated; the writer raises it before it writes
 *                         there, so that a writer that takes over knows what may hold the remains of an unfinished append
 *   line  9  state        0 open, 1 finished: no batch will be appended any more
 *   line 10  scratchUse   one bit for each scratch region in use; atomic or / and
 *   line 11  waiters      threads waiting on `committed`; the writer notifies only when there are any
 *
 * slot, 32 bytes, written by the writer before `committed` covers it, then never again until the arena is recycled
 *   0  message start / 64
 *   1  message bytes / 64 (header, body and padding; without dictionary messages)
 *   2  rows
 *   3  rows in all batches before, low word      4  high word
 *   5  bytes of the rows: buffers without padding
 *   6  bytes of the rows in all batches before
 *   7  address / 64 of the record of the dictionaries in force, 0 when the schema has none
 * ```
 *
 * Messages lie in append order: the dictionary messages that a batch is the first to need, then the batch. So the bytes from one batch's
 * message to another's end are themselves a run of an Arrow IPC stream. Starts and lengths are counted in units of 64 bytes to stay
 * within the small integers of JavaScript engines; the upper bits of word 1 are 0 and kept for flags.
 * Slots that no batch has, or has any more, are zeroed again (failed append, takeover, recycling): messages may come to lie there, and
 * from `dirty` on their padding is not written.
 *
 * Order of events. Append: claim checked → `dirty` raised → messages and slots written → `committed` stored → waiters notified.
 * Read: `committed` loaded → slot read → message read. Recycle: READERS 0 → −1 → index cleared → counters reset → generation stored →
 * READERS 0. What lies in the index, and in which order it is written, says `kernels/key-index.ts`.
 *
 * @module
 */

/** "PNBS" in memory. */
export const MAGIC = 0x53424e50;
/** Raised with every change of the layout. */
export const LAYOUT_VERSION = 2;

/** Bytes of a page of WebAssembly memory: arenas are whole numbers of them. */
export const PAGE_BYTES = 65_536;
/** Largest arena: 65,536 pages, 4 GiB. */
export const MAX_ARENA_PAGES = 65_536;

export const HEADER_BYTES = 1_024;
export const SLOT_BYTES = 32;
export const SLOT_WORDS = SLOT_BYTES / 4;
/** Scratch regions of an arena: so many threads can run kernels that need one. */
export const SCRATCH_REGIONS = 16;
/** Most bytes of one scratch region. */
export const MAX_SCRATCH_BYTES = 65_536;

const LINE_WORDS = 16;

/** Words of the header, by index into an `Int32Array` over the arena. */
export const WORD = {
  MAGIC: 0,
  VERSION: 1,
  PAGES: 2,
  CAPACITY: 3,
  SCHEMA_BYTES: 4,
  SCRATCH_START: 5,
  SCRATCH_BYTES: 6,
  DATA_START: 7,
  INDEX_START: 8,
  INDEX_BYTES: 9,
  GENERATION: 1 * LINE_WORDS,
  WRITER: 2 * LINE_WORDS,
  COMMITTED: 3 * LINE_WORDS,
  DURABLE: 4 * LINE_WORDS,
  DURABLE_OWNER: 5 * LINE_WORDS,
  INDEXED: 6 * LINE_WORDS,
  READERS: 7 * LINE_WORDS,
  DIRTY: 8 * LINE_WORDS,
  STATE: 9 * LINE_WORDS,
  SCRATCH_USE: 10 * LINE_WORDS,
  WAITERS: 11 * LINE_WORDS,
} as const;

/** Fields of a slot, in words. */
export const SLOT = {
  START: 0,
  LENGTH: 1,
  ROWS: 2,
  ROWS_BEFORE_LOW: 3,
  ROWS_BEFORE_HIGH: 4,
  BYTES: 5,
  BYTES_BEFORE: 6,
  DICTIONARY_SET: 7,
} as const;

/** Values of the word STATE. */
export const STATE = { OPEN: 0, FINISHED: 1 } as const;
/** Value of the word READERS while the arena is being recycled. */
export const RECYCLING = -1;
