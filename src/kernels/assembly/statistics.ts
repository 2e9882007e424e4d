/**
 * Statistics of a column of numbers in one pass, four rows a step; twin: `../plain/statistics.ts`. The struct written
 * at `out` and its rules (NaN, zeros, order of the float additions, exact integer sums) are stated in
 * `../statistics.ts`.
 */
import { laneMask, loadFirstPair, loadNarrow, loadSecondPair, nibble, presentBits } from "./lanes";
import { addLanes, finish4, finishNull4, nextSeed4, seed4, step4 } from "./mix";

// @ts-ignore: decorator
@inline
function validBits(validityAt: usize, row: u32, rest: u32): u32 {
  const present = presentBits(rest);
  return validityAt == 0 ? present : nibble(validityAt, row) & present;
}

/** The hashes to add for four rows: the null hash where the row is null, nothing past the end. */
// @ts-ignore: decorator
@inline
function chooseHash(rows: v128, seeds: v128, mask: v128, rest: u32): v128 {
  const chosen = v128.bitselect(rows, finishNull4(seeds), mask);
  return rest >= 4 ? chosen : v128.and(chosen, laneMask(presentBits(rest)));
}

function writeHead(out: usize, valid: u32, hash: v128): void {
  store<u32>(out, valid);
  store<u32>(out, addLanes(hash), 4);
  store<u64>(out, 0, 40);
  store<u64>(out, 0, 48);
  store<u64>(out, 0, 56);
}

function writeFloats(out: usize, min: f64, max: f64, sum: f64): void {
  // + 0.0 turns -0 into +0; a NaN sum gets one bit pattern.
  store<f64>(out, min + 0.0, 8);
  store<f64>(out, max + 0.0, 16);
  store<f64>(out, sum != sum ? NaN : sum, 24);
  store<u64>(out, 0, 32);
}

function writeInts(out: usize, valid: u32, low: i64, high: i64, sumLow: i64, sumHigh: i64): void {
  store<i64>(out, valid == 0 ? 0 : low, 8);
  store<i64>(out, valid == 0 ? 0 : high, 16);
  store<i64>(out, sumLow, 24);
  store<i64>(out, sumHigh, 32);
}

// @ts-ignore: decorator
@inline
function minOfLanes(lanes: v128): i64 {
  return min<i64>(
    min<i64>(i32x4.extract_lane(lanes, 0), i32x4.extract_lane(lanes, 1)),
    min<i64>(i32x4.extract_lane(lanes, 2), i32x4.extract_lane(lanes, 3)),
  );
}

// @ts-ignore: decorator
@inline
function maxOfLanes(lanes: v128): i64 {
  return max<i64>(
    max<i64>(i32x4.extract_lane(lanes, 0), i32x4.extract_lane(lanes, 1)),
    max<i64>(i32x4.extract_lane(lanes, 2), i32x4.extract_lane(lanes, 3)),
  );
}

/**
 * Integers of 1, 2 or 4 bytes. All compare and add as signed 32-bit lanes: of u32 the top bit is flipped first, which
 * subtracts 2^31 from each value, and the results are moved back at the end.
 */
export function statisticsInts(
  at: usize,
  width: u32,
  signed: bool,
  validityAt: usize,
  count: u32,
  firstRow: u32,
  out: usize,
): void {
  const moved: i64 = width == 4 && !signed ? 0x80000000 : 0;
  const flip = i32x4.splat(<i32>moved);
  const wordMask = i32x4.splat(width == 4 ? -1 : (1 << (width << 3)) - 1);
  let hash = i32x4.splat(0);
  let seeds = seed4(firstRow);
  let low = i32x4.splat(i32.MAX_VALUE);
  let high = i32x4.splat(i32.MIN_VALUE);
  let total = i64x2.splat(0);
  let valid: u32 = 0;
  for (let i: u32 = 0; i < count; i += 4) {
    const rest = count - i;
    const loaded = loadNarrow(at + i * width, width, signed, rest);
    let rows = finish4(step4(seeds, v128.and(loaded, wordMask)));
    let values = v128.xor(loaded, flip);
    if (validityAt != 0 || rest < 4) {
      const bits = validBits(validityAt, i, rest);
      const mask = laneMask(bits);
      rows = chooseHash(rows, seeds, mask, rest);
      valid += popcnt(bits);
      low = i32x4.min_s(low, v128.bitselect(values, low, mask));
      high = i32x4.max_s(high, v128.bitselect(values, high, mask));
      values = v128.and(values, mask);
    } else {
      valid += 4;
      low = i32x4.min_s(low, values);
      high = i32x4.max_s(high, values);
    }
    hash = i32x4.add(hash, rows);
    total = i64x2.add(total, i64x2.add(i64x2.extend_low_i32x4_s(values), i64x2.extend_high_i32x4_s(values)));
    seeds = nextSeed4(seeds);
  }
  writeHead(out, valid, hash);
  const sum = i64x2.extract_lane(total, 0) + i64x2.extract_lane(total, 1) + <i64>valid * moved;
  writeInts(out, valid, minOfLanes(low) + moved, maxOfLanes(high) + moved, sum & 0xffffffff, sum >> 32);
}

/** Integers of 8 bytes; of u64 the top bit is flipped first, as above (there is no unsigned 64-bit comparison). */
export function statisticsLongs(
  at: usize,
  signed: bool,
  validityAt: usize,
  count: u32,
  firstRow: u32,
  out: usize,
): void {
  const sign: i64 = signed ? 0 : i64.MIN_VALUE;
  const flip = i64x2.splat(sign);
  let hash = i32x4.splat(0);
  let seeds = seed4(firstRow);
  let low = i64x2.splat(i64.MAX_VALUE);
  let high = i64x2.splat(i64.MIN_VALUE);
  let lowSums = i64x2.splat(0);
  let highSums = i64x2.splat(0);
  let valid: u32 = 0;
  for (let i: u32 = 0; i < count; i += 4) {
    const rest = count - i;
    const p = at + (i << 3);
    const first = loadFirstPair(p, rest);
    const second = loadSecondPair(p, rest);
    let rows = finish4(
      step4(step4(seeds, v128.shuffle<i32>(first, second, 0, 2, 4, 6)), v128.shuffle<i32>(first, second, 1, 3, 5, 7)),
    );
    let a = v128.xor(first, flip);
    let b = v128.xor(second, flip);
    if (validityAt != 0 || rest < 4) {
      const bits = validBits(validityAt, i, rest);
      const mask = laneMask(bits);
      rows = chooseHash(rows, seeds, mask, rest);
      valid += popcnt(bits);
      const maskA = v128.shuffle<i32>(mask, mask, 0, 0, 1, 1);
      const maskB = v128.shuffle<i32>(mask, mask, 2, 2, 3, 3);
      low = v128.bitselect(a, low, v128.and(i64x2.gt_s(low, a), maskA));
      high = v128.bitselect(a, high, v128.and(i64x2.gt_s(a, high), maskA));
      low = v128.bitselect(b, low, v128.and(i64x2.gt_s(low, b), maskB));
      high = v128.bitselect(b, high, v128.and(i64x2.gt_s(b, high), maskB));
      a = v128.and(a, maskA);
      b = v128.and(b, maskB);
    } else {
      valid += 4;
      low = v128.bitselect(a, low, i64x2.gt_s(low, a));
      high = v128.bitselect(a, high, i64x2.gt_s(a, high));
      low = v128.bitselect(b, low, i64x2.gt_s(low, b));
      high = v128.bitselect(b, high, i64x2.gt_s(b, high));
    }
    hash = i32x4.add(hash, rows);
    const lows = v128.shuffle<i32>(a, b, 0, 2, 4, 6);
    const highs = v128.shuffle<i32>(a, b, 1, 3, 5, 7);
    lowSums = i64x2.add(lowSums, i64x2.add(i64x2.extend_low_i32x4_u(lows), i64x2.extend_high_i32x4_u(lows)));
    highSums = i64x2.add(highSums, i64x2.add(i64x2.extend_low_i32x4_s(highs), i64x2.extend_high_i32x4_s(highs)));
    seeds = nextSeed4(seeds);
  }
  writeHead(out, valid, hash);
  const sumLow = <u64>i64x2.extract_lane(lowSums, 0) + <u64>i64x2.extract_lane(lowSums, 1);
  const sumHigh = i64x2.extract_lane(highSums, 0) + i64x2.extract_lane(highSums, 1);
  writeInts(
    out,
    valid,
    min<i64>(i64x2.extract_lane(low, 0), i64x2.extract_lane(low, 1)) ^ sign,
    max<i64>(i64x2.extract_lane(high, 0), i64x2.extract_lane(high, 1)) ^ sign,
    <i64>(sumLow & 0xffffffff),
    sumHigh + <i64>(sumLow >> 32) + (signed ? 0 : <i64>valid << 31),
  );
}

/**
 * Four half floats (in 32-bit lanes) as floats: the exponent is rebased by an exact multiplication, subnormals
 * included.
 */
// @ts-ignore: decorator
@inline
function widenHalves(halves: v128): v128 {
  const magnitude = v128.and(halves, i32x4.splat(0x7fff));
  const finite = f32x4.mul(i32x4.shl(magnitude, 13), i32x4.splat(0x77800000));
  const special = v128.and(i32x4.ge_u(magnitude, i32x4.splat(0x7c00)), i32x4.splat(0x7f800000));
  const sign = i32x4.shl(v128.and(halves, i32x4.splat(0x8000)), 16);
  return v128.or(v128.or(finite, special), sign);
}

/** Floats of 2 or 4 bytes. */
export function statisticsFloats(
  at: usize,
  width: u32,
  validityAt: usize,
  count: u32,
  firstRow: u32,
  out: usize,
): void {
  let hash = i32x4.splat(0);
  let seeds = seed4(firstRow);
  let low = f64x2.splat(Infinity);
  let high = f64x2.splat(-Infinity);
  let sumA = f64x2.splat(0);
  let sumB = f64x2.splat(0);
  let valid: u32 = 0;
  for (let i: u32 = 0; i < count; i += 4) {
    const rest = count - i;
    const words = loadNarrow(at + i * width, width, false, rest);
    let rows = finish4(step4(seeds, words));
    const values = width == 2 ? widenHalves(words) : words;
    let a = f64x2.promote_low_f32x4(values);
    let b = f64x2.promote_low_f32x4(v128.shuffle<i32>(values, values, 2, 3, 2, 3));
    if (validityAt != 0 || rest < 4) {
      const bits = validBits(validityAt, i, rest);
      const mask = laneMask(bits);
      rows = chooseHash(rows, seeds, mask, rest);
      valid += popcnt(bits);
      const maskA = v128.shuffle<i32>(mask, mask, 0, 0, 1, 1);
      const maskB = v128.shuffle<i32>(mask, mask, 2, 2, 3, 3);
      low = f64x2.pmin(low, v128.bitselect(a, low, maskA));
      low = f64x2.pmin(low, v128.bitselect(b, low, maskB));
      high = f64x2.pmax(high, v128.bitselect(a, high, maskA));
      high = f64x2.pmax(high, v128.bitselect(b, high, maskB));
      a = v128.and(a, maskA);
      b = v128.and(b, maskB);
    } else {
      valid += 4;
      // pmin and pmax keep the first operand when the second is NaN.
      low = f64x2.pmin(f64x2.pmin(low, a), b);
      high = f64x2.pmax(f64x2.pmax(high, a), b);
    }
    sumA = f64x2.add(sumA, a);
    sumB = f64x2.add(sumB, b);
    hash = i32x4.add(hash, rows);
    seeds = nextSeed4(seeds);
  }
  writeHead(out, valid, hash);
  writeFloats(
    out,
    min<f64>(f64x2.extract_lane(low, 0), f64x2.extract_lane(low, 1)),
    max<f64>(f64x2.extract_lane(high, 0), f64x2.extract_lane(high, 1)),
    f64x2.extract_lane(sumA, 0) +
      f64x2.extract_lane(sumA, 1) +
      (f64x2.extract_lane(sumB, 0) + f64x2.extract_lane(sumB, 1)),
  );
}

/** Floats of 8 bytes. */
export function statisticsDoubles(at: usize, validityAt: usize, count: u32, firstRow: u32, out: usize): void {
  let hash = i32x4.splat(0);
  let seeds = seed4(firstRow);
  let low = f64x2.splat(Infinity);
  let high = f64x2.splat(-Infinity);
  let sumA = f64x2.splat(0);
  let sumB = f64x2.splat(0);
  let valid: u32 = 0;
  for (let i: u32 = 0; i < count; i += 4) {
    const rest = count - i;
    const p = at + (i << 3);
    let a = loadFirstPair(p, rest);
    let b = loadSecondPair(p, rest);
    let rows = finish4(
      step4(step4(seeds, v128.shuffle<i32>(a, b, 0, 2, 4, 6)), v128.shuffle<i32>(a, b, 1, 3, 5, 7)),
    );
    if (validityAt != 0 || rest < 4) {
      const bits = validBits(validityAt, i, rest);
      const mask = laneMask(bits);
      rows = chooseHash(rows, seeds, mask, rest);
      valid += popcnt(bits);
      const maskA = v128.shuffle<i32>(mask, mask, 0, 0, 1, 1);
      const maskB = v128.shuffle<i32>(mask, mask, 2, 2, 3, 3);
      low = f64x2.pmin(low, v128.bitselect(a, low, maskA));
      low = f64x2.pmin(low, v128.bitselect(b, low, maskB));
      high = f64x2.pmax(high, v128.bitselect(a, high, maskA));
      high = f64x2.pmax(high, v128.bitselect(b, high, maskB));
      a = v128.and(a, maskA);
      b = v128.and(b, maskB);
    } else {
      valid += 4;
      // pmin and pmax keep the first operand when the second is NaN.
      low = f64x2.pmin(f64x2.pmin(low, a), b);
      high = f64x2.pmax(f64x2.pmax(high, a), b);
    }
    sumA = f64x2.add(sumA, a);
    sumB = f64x2.add(sumB, b);
    hash = i32x4.add(hash, rows);
    seeds = nextSeed4(seeds);
  }
  writeHead(out, valid, hash);
  writeFloats(
    out,
    min<f64>(f64x2.extract_lane(low, 0), f64x2.extract_lane(low, 1)),
    max<f64>(f64x2.extract_lane(high, 0), f64x2.extract_lane(high, 1)),
    f64x2.extract_lane(sumA, 0) +
      f64x2.extract_lane(sumA, 1) +
      (f64x2.extract_lane(sumB, 0) + f64x2.extract_lane(sumB, 1)),
  );
}
