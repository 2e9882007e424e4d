/** Checksums of columns that are not numbers; twin: `../plain/checksum.ts`, which states the definition. */
import { laneMask, loadFirstPair, loadNarrow, loadSecondPair, nibble, presentBits } from "./lanes";
import {
  addLanes,
  finish,
  finish4,
  finishNull,
  finishNull4,
  nextSeed4,
  seed,
  seed4,
  step,
  step4,
} from "./mix";

// @ts-ignore: decorator
@inline
function isNull(validityAt: usize, row: u32): bool {
  return validityAt != 0 && ((<u32>load<u8>(validityAt + (row >> 3)) >> (row & 7)) & 1) == 0;
}

/** The sum of four rows' hashes into the lanes: null rows take the null hash, rows past the end nothing. */
// @ts-ignore: decorator
@inline
function addRows(hash: v128, rows: v128, seeds: v128, validityAt: usize, row: u32, rest: u32): v128 {
  if (validityAt == 0 && rest >= 4) return i32x4.add(hash, rows);
  const present = presentBits(rest);
  const valid = validityAt != 0 ? nibble(validityAt, row) & present : present;
  const chosen = v128.bitselect(rows, finishNull4(seeds), laneMask(valid));
  return i32x4.add(hash, v128.and(chosen, laneMask(present)));
}

function checksumNarrow(at: usize, width: u32, validityAt: usize, count: u32, firstRow: u32): u32 {
  let hash = i32x4.splat(0);
  let seeds = seed4(firstRow);
  for (let i: u32 = 0; i < count; i += 4) {
    const rest = count - i;
    const words = loadNarrow(at + i * width, width, false, rest);
    hash = addRows(hash, finish4(step4(seeds, words)), seeds, validityAt, i, rest);
    seeds = nextSeed4(seeds);
  }
  return addLanes(hash);
}

function checksum8(at: usize, validityAt: usize, count: u32, firstRow: u32): u32 {
  let hash = i32x4.splat(0);
  let seeds = seed4(firstRow);
  for (let i: u32 = 0; i < count; i += 4) {
    const rest = count - i;
    const p = at + (i << 3);
    const first = loadFirstPair(p, rest);
    const second = loadSecondPair(p, rest);
    const lows = v128.shuffle<i32>(first, second, 0, 2, 4, 6);
    const highs = v128.shuffle<i32>(first, second, 1, 3, 5, 7);
    hash = addRows(hash, finish4(step4(step4(seeds, lows), highs)), seeds, validityAt, i, rest);
    seeds = nextSeed4(seeds);
  }
  return addLanes(hash);
}

/** One to three bytes as a word, without reading beyond them. */
// @ts-ignore: decorator
@inline
function shortWord(at: usize, bytes: u32): u32 {
  const middle = bytes >> 1;
  const last = bytes - 1;
  return load<u8>(at) | (<u32>load<u8>(at + middle) << (middle << 3)) | (<u32>load<u8>(at + last) << (last << 3));
}

/** Feeds the bytes word by word, the last word filled up with zeros. */
// @ts-ignore: decorator
@inline
function mixBytes(hash: u32, at: usize, bytes: u32): u32 {
  if (bytes < 4) return bytes == 0 ? hash : step(hash, shortWord(at, bytes));
  let i: u32 = 0;
  for (; i + 4 <= bytes; i += 4) hash = step(hash, load<u32>(at + i));
  const rest = bytes & 3;
  // The last four bytes, shifted so that only those not yet fed remain: nothing beyond the value is read.
  return rest == 0 ? hash : step(hash, load<u32>(at + bytes - 4) >> (32 - (rest << 3)));
}

function checksumBytes(at: usize, width: u32, validityAt: usize, count: u32, firstRow: u32): u32 {
  let hash: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const start = seed(firstRow + i);
    hash += isNull(validityAt, i) ? finishNull(start) : finish(mixBytes(start, at + i * width, width));
  }
  return hash;
}

export function checksumFixed(at: usize, width: u32, validityAt: usize, count: u32, firstRow: u32): u32 {
  if (width == 1 || width == 2 || width == 4) return checksumNarrow(at, width, validityAt, count, firstRow);
  if (width == 8) return checksum8(at, validityAt, count, firstRow);
  return checksumBytes(at, width, validityAt, count, firstRow);
}

export function checksumBits(at: usize, validityAt: usize, count: u32, firstRow: u32): u32 {
  let hash = i32x4.splat(0);
  let seeds = seed4(firstRow);
  for (let i: u32 = 0; i < count; i += 4) {
    const words = i32x4.shr_u(laneMask(nibble(at, i)), 31);
    hash = addRows(hash, finish4(step4(seeds, words)), seeds, validityAt, i, count - i);
    seeds = nextSeed4(seeds);
  }
  return addLanes(hash);
}

// @ts-ignore: decorator
@inline
function checksumVar<O>(offsetsAt: usize, dataAt: usize, validityAt: usize, count: u32, firstRow: u32): u32 {
  if (count == 0) return 0;
  let hash: u32 = 0;
  let from = <u32>load<O>(offsetsAt);
  for (let i: u32 = 0; i < count; i++) {
    const to = <u32>load<O>(offsetsAt + i * sizeof<O>(), sizeof<O>());
    const start = seed(firstRow + i);
    hash += isNull(validityAt, i)
      ? finishNull(start)
      : finish(mixBytes(step(start, to - from), dataAt + from, to - from));
    from = to;
  }
  return hash;
}

export function checksumVar32(offsetsAt: usize, dataAt: usize, validityAt: usize, count: u32, firstRow: u32): u32 {
  return checksumVar<i32>(offsetsAt, dataAt, validityAt, count, firstRow);
}

export function checksumVar64(offsetsAt: usize, dataAt: usize, validityAt: usize, count: u32, firstRow: u32): u32 {
  return checksumVar<i64>(offsetsAt, dataAt, validityAt, count, firstRow);
}
