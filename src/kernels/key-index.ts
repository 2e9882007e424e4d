/**
 * The bytes of a primary-key index: a hash table over the rows of a memtable, in the arena beside them, which any thread reads without a
 * lock while the writer inserts. All words of it are named here; `assembly/keys.ts` has the same numbers.
 *
 * ```
 * │ header │ directory │ blocks │ older │ newer │ table │ table, twice as large or more │ …          │
 *   256      a record    a word   a word  a word  from `tables`, each on a 64-byte boundary; tail ▲
 *            a batch     for 16   a row   a row
 *                        rows
 *
 * header, words by line of 64 bytes
 *   line 0  geometry, written once: 0 kinds   1 key columns   2 row mask   3 directory   4 blocks   5 older   6 newer   7 tables
 *                                   8 end of the region   9 rows at most      (3 to 8 are addresses in the arena)
 *   line 1  root   address / 64 of the table in force, times 32, plus the logarithm of its slots; 0 before the first table
 *   line 2  keys   different keys in the table, as of the last batch inserted
 *   line 3  tail   address / 64 behind the tables, raised before a table is written: behind it memory is zero
 *
 * kinds: two bits a key column, the first lowest, see KEY_KIND
 *
 * record of a batch: 0 its first row   1 its rows   then for each key column: address of the values, address of the offsets or 0
 * block b: position of the batch that holds row 16 b
 * older, newer: of each row, the row before and after it with the same key, plus 1; 0 for none
 * slot of a table: 0 when empty, else the newest row of a key plus 1 in the bits of the row mask, and in the bits above those of the
 * key's hash; it lies at the hash modulo the slots or, where that is taken, behind (linear probing); a quarter of the slots stays empty
 * ```
 *
 * Rows are numbered from 0 over all batches. No key is copied: a row leads to its batch (block, then record by record), the record to the
 * key's bytes. Links are written when a key is overwritten, so they take no memory for keys that are not.
 *
 * Who may write: the writer of the memtable's store. Who may read: anyone, up to a bound of rows that he got by loading the store's word
 * `indexed` first. Order of events for a batch: a larger table, if need be, built and published in `root` (so nothing can fail behind
 * this point) → batch appended and committed → its record, its blocks → for each row in order: `older` of the row, `newer` of the row
 * before, slot → `keys` → `indexed`. Root, slots and links are written and read atomically, in WebAssembly too.
 *
 * Why a lookup is right. Let the reader have loaded `indexed`, which gives the bound B (or use an older one), then the root R, then slots
 * of R's table.
 *  1. All rows below B were inserted before `indexed` was stored, so before R was loaded.
 *  2. A new table is made from the newest row of every key before it is published, while no row is inserted, and a slot only ever moves
 *     on to newer rows. So when R was loaded, its table held for each key a row no older than its newest below B, and it does so for
 *     ever: once another table is in force it stays as it is.
 *  3. The slot was stored after `older` of its row, and that after the slots before it. So from the row in the slot, `older` leads to
 *     every older version, and the first one below B is the newest below B.
 *  4. Whether row r < B is the newest of its key below B: `newer` of r is stored before the slot of the next version, hence before
 *     `indexed` covers that one. If it is 0 or names a row at B or behind, there is no other version in between. What is stored there
 *     later is not below B.
 *  5. The memory of a table that was replaced is not used again until the arena is recycled, when nobody reads it.
 *
 * A writer that was terminated leaves rows committed and not indexed, some of them inserted. Inserting them again changes nothing: a row
 * is in the index when the slot of its key holds that row or a later one, and its links were written before that. A table that it
 * was building lies behind the one in force and below `tail`, and is cleared. A larger
 * table that its successor needs is made of the rows that are indexed; links of theirs to rows behind do not count, for readers do not see
 * those yet.
 *
 * A memtable that is created for ascending keys has no table, records, blocks and links until a key does not ascend; see
 * `memtable/ordered-index.ts`.
 */

/** Bytes of the header. */
export const INDEX_HEADER_BYTES = 256;
/** Key columns at most: two bits of a word each. */
export const MAX_KEY_COLUMNS = 16;
/** Rows at most: at least 4 bits of a slot are left for the hash. */
export const MAX_INDEX_ROWS = 2 ** 28 - 1;
/** Rows that share an entry of the blocks. */
export const BLOCK_ROWS = 16;
/** What a lookup gives for a key that is not there. */
export const NOT_FOUND = 0xffffffff;

/** Words of the header. */
export const INDEX_WORD = {
  KINDS: 0,
  COLUMNS: 1,
  ROW_MASK: 2,
  DIRECTORY: 3,
  BLOCKS: 4,
  OLDER: 5,
  NEWER: 6,
  TABLES: 7,
  END: 8,
  MAX_ROWS: 9,
  ROOT: 16,
  KEYS: 32,
  TAIL: 48,
} as const;

/** How a key column lies in memory. */
export const KEY_KIND = { WORD: 0, LONG: 1, BYTES_32: 2, BYTES_64: 3 } as const;

/** Bytes of the record of a batch. */
export function recordBytes(columns: number): number {
  return 8 + 8 * columns;
}

/** The word ROOT of a table of 2^`log2` slots at `address`. */
export function rootOf(address: number, log2: number): number {
  return (address / 64) * 32 + log2;
}

/** Address of the table of a root. */
export function tableAddress(root: number): number {
  return 64 * (root >>> 5);
}

/** Slots of the table of a root, 0 for no table. */
export function tableSlots(root: number): number {
  return root === 0 ? 0 : 2 ** (root & 31);
}
