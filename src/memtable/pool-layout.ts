/**
 * The bytes of a pool's control memory, and the protocol by which memtables come, are read, go, and leave their arena to another. All
 * words are named here and nowhere else.
 *
 * A pool is a fixed number of arenas, its slots, each with room for one memtable, and this control memory: a SharedArrayBuffer, 32-bit
 * words. Handles know all of it from the start, so nothing here ever needs a message.
 *
 * ```
 * │ header │ slot lines │ table            │ reader blocks │
 *   4 × 64   64 × slots   4 × slots, to 64   64 × (64 + 8 × slots, to 64)
 *
 * header: one 64-byte line for each word that changes
 *   line 0  identity, written once: 0 magic "PNPL"   1 layout version   2 slots   3 lease in ms
 *   line 1  owner   id of the claim of the one thread that activates, freezes, releases; 0 = none; compare-and-swap
 *   line 2  first   generation of the oldest live memtable            ⎫ only grow; the owner writes them
 *   line 3  end     generation behind the newest live memtable, 0 = never one ⎭ live are [first, end)
 *
 * slot line, one for each slot; the owner writes it
 *   0  generation of the memtable that may be pinned here, 0 = none
 *   1  state: 0 free, and its arena empty   1 active   2 frozen   3 released
 *
 * table: the memtable of generation g is in the slot that place g modulo slots names. The owner writes it.
 *
 * reader block, one for each reader; of a multiple of 64 bytes, so no two threads write to one cache line
 *   line 0, word 0  id of the thread whose block it is, and 1; 0 = free; −1 = being cleared; compare-and-swap
 *   then two words for each slot, written by that thread alone, or by who knows that it has ended:
 *     0  pin: the generation it reads there, 0 = none    1  when it last took it into a snapshot, in ms: see clock.ts
 * ```
 *
 * Order of events. All words are read and written by sequentially consistent Atomics.
 * - Activate g, in a free slot s: table[g] = s → state → generation(s) = g → end = g + 1. The last store is the rotation.
 * - Freeze: the memtable is finished → state. It comes before the next activation.
 * - Release g, the oldest: first = g + 1 → state → generation(s) = 0. The last store is the release.
 * - Reclaim s, released: look at pin(·, s) of all readers → when all are 0, empty the arena → state = free.
 * - Snapshot: first → end → for g from the newest to the oldest: s = table[g] → pin(s) = g → generation(s) is g, or else unpin all and
 *   begin anew → read how much is in it.
 *
 * Why it holds.
 * 1. *Never is memory reused under a reader.* The reader stores its pin, then loads the generation; the owner stores generation 0, then
 *    loads the pins. In the one order of all these events either the owner's load sees the pin, and leaves the arena alone until it is
 *    gone; or the pin came after that load, so after the generation was taken out, and the reader finds 0 there, or a later generation,
 *    as none is used twice. Then it reads nothing.
 * 2. *A snapshot is of one moment*: that at which it loaded `end`. All of [first, end) had been activated then; each was still in its slot
 *    later, so none had been released; and what is older than `first` had been, as `first` was loaded before. A table place that was
 *    written anew since names a slot of another generation, and a new attempt follows. All but the newest were frozen before `end` was
 *    stored, so how much is in them is final. Of the newest it sees what is in it a little later, at most all that ever will be: a
 *    prefix of the shard's history.
 * 3. *With durable rows only it is a prefix too*: rows become durable in order, and how much of a memtable is durable is loaded after the
 *    same of all newer ones. Where a newer one had durable rows, all of the older is.
 * 4. *It never goes back*: `first`, `end` and the cursors only grow, and a memtable leaves only by release. (One that is about to be
 *    released, with `first` behind it already, may be in one snapshot and not in another: both are right.)
 * 5. *A thread may be terminated anywhere.* A reader leaves pins that say too much, until its block is cleared. An owner leaves a slot
 *    that no table place names, or whose generation is not in [first, end): the next one treats it as released.
 *
 * @module
 */

/** "PNPL" in memory. */
export const POOL_MAGIC = 0x4c504e50;
/** Raised with every change of the layout. */
export const POOL_LAYOUT_VERSION = 1;

/** Most slots of a pool. */
export const MAX_SLOTS = 256;
/** In place of a reader's thread, while the pins of a thread that has ended are cleared. */
export const CLEARING = -1;
/** Readers of a pool at most, in all threads together. */
export const MAX_READERS = 64;
/** Largest generation: a word holds it, and 0 and the numbers below it stay free. */
export const MAX_GENERATION = 2 ** 31 - 2;

const LINE_WORDS = 16;

/** Words of the header, by index into an `Int32Array` over the control memory. */
export const POOL_WORD = {
  MAGIC: 0,
  VERSION: 1,
  SLOTS: 2,
  LEASE_MS: 3,
  OWNER: 1 * LINE_WORDS,
  FIRST: 2 * LINE_WORDS,
  END: 3 * LINE_WORDS,
} as const;

/** Words of a slot's line. */
export const SLOT_WORD = { GENERATION: 0, STATE: 1 } as const;

/** Values of a slot's state. */
export const SLOT_STATE = { FREE: 0, ACTIVE: 1, FROZEN: 2, RELEASED: 3 } as const;

/** One of {@link SLOT_STATE}. */
export type SlotState = (typeof SLOT_STATE)[keyof typeof SLOT_STATE];

const SLOTS_START = 4 * LINE_WORDS;

/** Index of the first word of a slot's line. */
export function slotLine(slot: number): number {
  return SLOTS_START + LINE_WORDS * slot;
}

/** Index of the table's first place. */
export function tableStart(slots: number): number {
  return slotLine(slots);
}

/** Index of the first word of a reader's block: the word with its thread. */
export function readerBlock(slots: number, reader: number): number {
  const words = LINE_WORDS + wholeLines(2 * slots);
  return tableStart(slots) + wholeLines(slots) + words * reader;
}

/** Index of the word of a reader's pin on `slot`; the time of the pin follows it. */
export function pinWord(block: number, slot: number): number {
  return block + LINE_WORDS + 2 * slot;
}

/** Bytes of a control memory. */
export function controlBytes(slots: number): number {
  return 4 * readerBlock(slots, MAX_READERS);
}

function wholeLines(words: number): number {
  return LINE_WORDS * Math.ceil(words / LINE_WORDS);
}
