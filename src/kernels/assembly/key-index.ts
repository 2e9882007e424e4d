/**
 * The primary-key index of a memtable: inserting, growing, looking up. `../key-index.ts` has the bytes, the order of events and why it
 * is right while other threads read; twin: `../plain/key-index.ts`.
 */
import {
  BLOCKS,
  equalKeys,
  equalLong,
  hashKeys,
  hashLong,
  NEWER,
  OLDER,
  recordAt,
  ROOT,
  ROW_MASK,
} from "./keys";

const NOT_FOUND: u32 = 0xffffffff;

// @ts-ignore: decorator
@inline
function tableOf(root: u32): usize {
  return <usize>((root >> 5) << 6);
}

// @ts-ignore: decorator
@inline
function maskOf(root: u32): u32 {
  return (<u32>1 << (root & 31)) - 1;
}

/** Names the batch for each block whose first row it holds. */
function writeBlocks(index: usize, first: u32, rows: u32, position: u32): void {
  const blocks = <usize>load<u32>(index, BLOCKS);
  for (let row = (first + 15) & ~15; row - first < rows; row += 16) store<u32>(blocks + ((row >> 4) << 2), position);
}

/** Inserts one row; 1 when its key is new. */
// @ts-ignore: decorator
@inline
function insertRow(index: usize, record: usize, local: u32, hash: u32, table: usize, mask: u32): u32 {
  const rowMask = load<u32>(index, ROW_MASK);
  const row = load<u32>(record) + local;
  let at = hash & mask;
  for (let left = mask; left != 0; left--) {
    const slot = table + (at << 2);
    const found = load<u32>(slot); // nobody else writes it
    if (found == 0) {
      atomic.store<u32>(slot, (hash & ~rowMask) | (row + 1));
      return 1;
    }
    if (((found ^ hash) & ~rowMask) == 0) {
      const before = (found & rowMask) - 1;
      if (equalKeys(index, record, local, before)) {
        if (before < row) {
          atomic.store<u32>(load<u32>(index, OLDER) + (row << 2), before + 1);
          atomic.store<u32>(load<u32>(index, NEWER) + (before << 2), row + 1);
          atomic.store<u32>(slot, (hash & ~rowMask) | (row + 1));
        }
        return 0;
      }
    }
    at = (at + 1) & mask;
  }
  unreachable(); // a quarter of the slots is empty
  return 0;
}

export function keyIndexInsert(index: usize, position: u32, scratch: usize, scratchRows: u32): u32 {
  const record = recordAt(index, position);
  const rows = load<u32>(record, 4);
  const root = atomic.load<u32>(index, ROOT);
  const table = tableOf(root);
  const mask = maskOf(root);
  writeBlocks(index, load<u32>(record), rows, position);
  let keys: u32 = 0;
  for (let first: u32 = 0; first < rows; first += scratchRows) {
    const count = min<u32>(scratchRows, rows - first);
    const seen = hashKeys(index, record, first, count, scratch, table, mask);
    for (let i: u32 = 0; i < count; i++) {
      keys += insertRow(index, record, first + i, load<u32>(scratch + (i << 2)), table, mask);
    }
    store<u32>(scratch, seen);
  }
  return keys;
}

export function keyIndexRebuild(index: usize, batches: u32, root: u32, scratch: usize, scratchRows: u32): void {
  const rowMask = load<u32>(index, ROW_MASK);
  const newer = <usize>load<u32>(index, NEWER);
  const table = tableOf(root);
  const mask = maskOf(root);
  if (batches == 0) return;
  const last = recordAt(index, batches - 1);
  const bound = load<u32>(last) + load<u32>(last, 4);
  for (let position: u32 = 0; position < batches; position++) {
    const record = recordAt(index, position);
    const firstRow = load<u32>(record);
    const rows = load<u32>(record, 4);
    for (let first: u32 = 0; first < rows; first += scratchRows) {
      const count = min<u32>(scratchRows, rows - first);
      const seen = hashKeys(index, record, first, count, scratch, table, mask);
      for (let i: u32 = 0; i < count; i++) {
        const row = firstRow + first + i;
        // A writer that has ended may have left links to rows behind; taking 1 from 0 makes it larger than any bound.
        if (atomic.load<u32>(newer + (row << 2)) - 1 < bound) continue;
        const hash = load<u32>(scratch + (i << 2));
        let at = hash & mask;
        while (load<u32>(table + (at << 2)) != 0) at = (at + 1) & mask;
        store<u32>(table + (at << 2), (hash & ~rowMask) | (row + 1)); // nobody reads it before the root is stored
      }
      store<u32>(scratch, seen);
    }
  }
}

/** The newest row below `rows` among a row and the older ones with its key. */
// @ts-ignore: decorator
@inline
function newestBelow(index: usize, newest: u32, rows: u32): u32 {
  let row = newest;
  while (row >= rows) {
    const older = atomic.load<u32>(load<u32>(index, OLDER) + (row << 2));
    if (older == 0) return NOT_FOUND;
    row = older - 1;
  }
  return row;
}

/** The newest row below `rows` of a key, in a table that was in force after the bound had been loaded. */
// @ts-ignore: decorator
@inline
function lookUp(index: usize, record: usize, local: u32, hash: u32, rows: u32, table: usize, mask: u32): u32 {
  const rowMask = load<u32>(index, ROW_MASK);
  let at = hash & mask;
  for (let left = mask; left != 0; left--) {
    const found = atomic.load<u32>(table + (at << 2));
    if (found == 0) return NOT_FOUND;
    if (((found ^ hash) & ~rowMask) == 0) {
      const row = (found & rowMask) - 1;
      if (equalKeys(index, record, local, row)) return newestBelow(index, row, rows);
    }
    at = (at + 1) & mask;
  }
  return NOT_FOUND;
}

export function keyIndexFind(index: usize, record: usize, count: u32, rows: u32, out: usize): void {
  const root = atomic.load<u32>(index, ROOT);
  if (root == 0) {
    memory.fill(out, 0xff, count << 2);
    return;
  }
  const table = tableOf(root);
  const mask = maskOf(root);
  const seen = hashKeys(index, record, 0, count, out, table, mask);
  for (let i: u32 = 0; i < count; i++) {
    const to = out + (i << 2);
    store<u32>(to, lookUp(index, record, i, load<u32>(to), rows, table, mask));
  }
  store<u32>(out + (count << 2), seen);
}

/** As {@link lookUp}, of a key of one column of 8 bytes. */
// @ts-ignore: decorator
@inline
function lookUpLong(index: usize, key: u64, rows: u32, table: usize, mask: u32): u32 {
  const rowMask = load<u32>(index, ROW_MASK);
  const hash = hashLong(key);
  let at = hash & mask;
  for (let left = mask; left != 0; left--) {
    const found = atomic.load<u32>(table + (at << 2));
    if (found == 0) return NOT_FOUND;
    if (((found ^ hash) & ~rowMask) == 0) {
      const row = (found & rowMask) - 1;
      if (equalLong(index, key, row)) return newestBelow(index, row, rows);
    }
    at = (at + 1) & mask;
  }
  return NOT_FOUND;
}

export function keyIndexFindLong(index: usize, key: i64, rows: u32): u32 {
  const root = atomic.load<u32>(index, ROOT);
  return root == 0 ? NOT_FOUND : lookUpLong(index, <u64>key, rows, tableOf(root), maskOf(root));
}

export function keyIndexNewest(index: usize, firstRow: u32, count: u32, rows: u32, out: usize): u32 {
  const newer = <usize>load<u32>(index, NEWER) + (firstRow << 2);
  let found: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(out + (found << 2), i);
    // Taking 1 from 0 makes it larger than any bound.
    found += u32(atomic.load<u32>(newer + (i << 2)) - 1 >= rows);
  }
  return found;
}
