/**
 * Keys of rows, read where they lie: hashing, comparing, and the way from a row to its batch. `../key-index.ts` has the layout of the
 * index; twin: `../plain/keys.ts`.
 */
import { finish, step } from "./mix";

export const KINDS: usize = 0;
export const COLUMNS: usize = 4;
export const ROW_MASK: usize = 8;
export const DIRECTORY: usize = 12;
export const BLOCKS: usize = 16;
export const OLDER: usize = 20;
export const NEWER: usize = 24;
export const ROOT: usize = 64;

/** A key of one column of 8 bytes, which has ways of its own. */
const ONE_LONG: u32 = 1;

// @ts-ignore: decorator
@inline
function isOneLong(index: usize): bool {
  return load<u32>(index, KINDS) == ONE_LONG && load<u32>(index, COLUMNS) == 1;
}

// @ts-ignore: decorator
@inline
export function recordAt(index: usize, position: u32): usize {
  return load<u32>(index, DIRECTORY) + position * (8 + 8 * load<u32>(index, COLUMNS));
}

/** The record of the batch that holds a row. */
// @ts-ignore: decorator
@inline
export function recordOf(index: usize, row: u32): usize {
  const bytes = 8 + 8 * load<u32>(index, COLUMNS);
  let record = load<u32>(index, DIRECTORY) + load<u32>(load<u32>(index, BLOCKS) + ((row >> 4) << 2)) * bytes;
  while (row - load<u32>(record) >= load<u32>(record, 4)) record += bytes;
  return record;
}

/** Where the bytes of a value begin, by offsets of 4 or 8 bytes. */
// @ts-ignore: decorator
@inline
function offsetAt(offsets: usize, wide: bool, row: u32): u32 {
  return wide ? load<u32>(offsets + (row << 3)) : load<u32>(offsets + (row << 2));
}

function hashBytes(at: usize, bytes: u32, seed: u32): u32 {
  let hash = step(seed, bytes);
  let i: u32 = 0;
  for (; i + 4 <= bytes; i += 4) hash = step(hash, load<u32>(at + i));
  if (i == bytes) return hash;
  let last: u32 = 0;
  for (let shift: u32 = 0; i < bytes; i++, shift += 8) last |= <u32>load<u8>(at + i) << shift;
  return step(hash, last);
}

function equalBytes(a: usize, b: usize, bytes: u32): bool {
  let i: u32 = 0;
  for (; i + 8 <= bytes; i += 8) if (load<u64>(a + i) != load<u64>(b + i)) return false;
  for (; i < bytes; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false;
  return true;
}

function hashKey(index: usize, record: usize, row: u32): u32 {
  let kinds = load<u32>(index, KINDS);
  let column = record + 8;
  let hash: u32 = 0;
  for (let left = load<u32>(index, COLUMNS); left != 0; left--, kinds >>= 2, column += 8) {
    const values = <usize>load<u32>(column);
    const kind = kinds & 3;
    if (kind == 0) {
      hash = step(hash, load<u32>(values + (row << 2)));
    } else if (kind == 1) {
      hash = step(step(hash, load<u32>(values + (row << 3))), load<u32>(values + (row << 3), 4));
    } else {
      const offsets = <usize>load<u32>(column, 4);
      const from = offsetAt(offsets, kind == 3, row);
      hash = hashBytes(values + from, offsetAt(offsets, kind == 3, row + 1) - from, hash);
    }
  }
  return finish(hash);
}

function equalColumns(index: usize, record: usize, row: u32, other: usize, otherRow: u32): bool {
  let kinds = load<u32>(index, KINDS);
  const end = load<u32>(index, COLUMNS) << 3;
  for (let column: usize = 8; column <= end; column += 8, kinds >>= 2) {
    const mine = <usize>load<u32>(record + column);
    const theirs = <usize>load<u32>(other + column);
    const kind = kinds & 3;
    if (kind == 0) {
      if (load<u32>(mine + (row << 2)) != load<u32>(theirs + (otherRow << 2))) return false;
    } else if (kind == 1) {
      if (load<u64>(mine + (row << 3)) != load<u64>(theirs + (otherRow << 3))) return false;
    } else {
      const offsets = <usize>load<u32>(record + column, 4);
      const otherOffsets = <usize>load<u32>(other + column, 4);
      const from = offsetAt(offsets, kind == 3, row);
      const otherFrom = offsetAt(otherOffsets, kind == 3, otherRow);
      const bytes = offsetAt(offsets, kind == 3, row + 1) - from;
      if (offsetAt(otherOffsets, kind == 3, otherRow + 1) - otherFrom != bytes) return false;
      if (!equalBytes(mine + from, theirs + otherFrom, bytes)) return false;
    }
  }
  return true;
}

/** Whether a row of a record's batch has the key of a row of the memtable. */
// @ts-ignore: decorator
@inline
export function equalKeys(index: usize, record: usize, row: u32, stored: u32): bool {
  const other = recordOf(index, stored);
  const otherRow = stored - load<u32>(other);
  if (isOneLong(index)) {
    return load<u64>(load<u32>(record, 8) + (row << 3)) == load<u64>(load<u32>(other, 8) + (otherRow << 3));
  }
  return equalColumns(index, record, row, other, otherRow);
}

/** The hash of a key of one column of 8 bytes. */
// @ts-ignore: decorator
@inline
export function hashLong(key: u64): u32 {
  return finish(step(step(0, <u32>key), <u32>(key >> 32)));
}

/** Whether a row of the memtable has this key of one column of 8 bytes. */
// @ts-ignore: decorator
@inline
export function equalLong(index: usize, key: u64, row: u32): bool {
  const record = recordOf(index, row);
  return load<u64>(load<u32>(record, 8) + ((row - load<u32>(record)) << 3)) == key;
}

/**
 * Hashes of rows from `first` on of a record's batch, written at `out`, and a look at the slot of each in a table of mask + 1 slots: the
 * processor fetches them all at once, which it does not where each is waited for. Returns what was seen, for the caller to keep, as
 * an engine drops a look at memory that nobody needs.
 */
export function hashKeys(index: usize, record: usize, first: u32, count: u32, out: usize, table: usize, mask: u32): u32 {
  let seen: u32 = 0;
  if (isOneLong(index)) {
    let at = <usize>load<u32>(record, 8) + (first << 3);
    for (let i: u32 = 0; i < count; i++, at += 8) {
      const hash = hashLong(load<u64>(at));
      store<u32>(out + (i << 2), hash);
      seen |= load<u32>(table + ((hash & mask) << 2));
    }
    return seen;
  }
  for (let i: u32 = 0; i < count; i++) {
    const hash = hashKey(index, record, first + i);
    store<u32>(out + (i << 2), hash);
    seen |= load<u32>(table + ((hash & mask) << 2));
  }
  return seen;
}
