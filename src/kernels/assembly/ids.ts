/** Checks of dictionary indices and union type ids; twin: `../plain/ids.ts`. */
import { laneMask, loadFirstPair, loadNarrow, loadSecondPair, nibble, presentBits } from "./lanes";

/** Every valid index of 1, 2 or 4 bytes, read as unsigned, is below limit. */
export function indicesValid(at: usize, width: u32, count: u32, validityAt: usize, limit: u32): bool {
  const limits = i32x4.splat(limit);
  let bad = i32x4.splat(0);
  for (let i: u32 = 0; i < count; i += 4) {
    const rest = count - i;
    let above = i32x4.ge_u(loadNarrow(at + i * width, width, false, rest), limits);
    if (validityAt != 0 || rest < 4) {
      let bits = presentBits(rest);
      if (validityAt != 0) bits &= nibble(validityAt, i);
      above = v128.and(above, laneMask(bits));
    }
    bad = v128.or(bad, above);
  }
  return !v128.any_true(bad);
}

/** Signed or not: the limit is a safe integer, so an index with the top bit set is out of range either way. */
export function indicesValid8(at: usize, count: u32, validityAt: usize, limit: f64): bool {
  const limits = i64x2.splat(<i64>limit);
  const zero = i64x2.splat(0);
  let bad = zero;
  for (let i: u32 = 0; i < count; i += 4) {
    const rest = count - i;
    const p = at + (i << 3);
    const first = loadFirstPair(p, rest);
    const second = loadSecondPair(p, rest);
    let bits = presentBits(rest);
    if (validityAt != 0) bits &= nibble(validityAt, i);
    const mask = laneMask(bits);
    const firstBad = v128.or(i64x2.lt_s(first, zero), i64x2.ge_s(first, limits));
    const secondBad = v128.or(i64x2.lt_s(second, zero), i64x2.ge_s(second, limits));
    bad = v128.or(bad, v128.and(firstBad, v128.shuffle<i32>(mask, mask, 0, 0, 1, 1)));
    bad = v128.or(bad, v128.and(secondBad, v128.shuffle<i32>(mask, mask, 2, 2, 3, 3)));
  }
  return !v128.any_true(bad);
}

/** Every id is in the 128-bit set; a negative id (byte 16 … 31 of the set) is in none. */
export function typeIdsValid(at: usize, count: u32, set0: u32, set1: u32, set2: u32, set3: u32): bool {
  const set = i32x4.replace_lane(
    i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(set0), 1, set1), 2, set2),
    3,
    set3,
  );
  const weights = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  let good = i8x16.splat(-1);
  let i: u32 = 0;
  for (; i + 16 <= count; i += 16) {
    const ids = v128.load(at + i);
    const bytes = v128.swizzle(set, i8x16.shr_u(ids, 3));
    const bits = v128.swizzle(weights, v128.and(ids, i8x16.splat(7)));
    good = v128.and(good, i8x16.eq(v128.and(bytes, bits), bits));
  }
  if (!i8x16.all_true(good)) return false;
  for (; i < count; i++) {
    const id = <u32>load<u8>(at + i);
    if (id > 127) return false;
    const word = id < 64 ? (id < 32 ? set0 : set1) : id < 96 ? set2 : set3;
    if (((word >> (id & 31)) & 1) == 0) return false;
  }
  return true;
}
