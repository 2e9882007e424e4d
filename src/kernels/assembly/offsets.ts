/** Offsets of variable-length values; twin: `../plain/offsets.ts`. */

/** Subtracts delta from each i32, wrapping. */
export function rebase32(at: usize, count: u32, delta: i32): void {
  const deltas = i32x4.splat(delta);
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8) {
    const p = at + (i << 2);
    v128.store(p, i32x4.sub(v128.load(p), deltas));
    v128.store(p, i32x4.sub(v128.load(p, 16), deltas), 16);
  }
  for (; i < count; i++) store<i32>(at + (i << 2), load<i32>(at + (i << 2)) - delta);
}

/** Subtracts delta (a safe integer, so that no BigInt is made at the call) from each i64, wrapping. */
export function rebase64(at: usize, count: u32, delta: f64): void {
  const whole = <i64>delta;
  const deltas = i64x2.splat(whole);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const p = at + (i << 3);
    v128.store(p, i64x2.sub(v128.load(p), deltas));
    v128.store(p, i64x2.sub(v128.load(p, 16), deltas), 16);
  }
  for (; i < count; i++) store<i64>(at + (i << 3), load<i64>(at + (i << 3)) - whole);
}

export function offsetsValid32(at: usize, count: u32, limit: f64): bool {
  if (count == 0 || load<i32>(at) < 0) return false;
  if (<f64>load<i32>(at + ((count - 1) << 2)) > limit) return false;
  let bad = i32x4.splat(0);
  let i: u32 = 0;
  for (; i + 4 < count; i += 4) {
    const p = at + (i << 2);
    bad = v128.or(bad, i32x4.gt_s(v128.load(p), v128.load(p, 4)));
  }
  if (v128.any_true(bad)) return false;
  for (; i + 1 < count; i++) {
    if (load<i32>(at + (i << 2)) > load<i32>(at + (i << 2), 4)) return false;
  }
  return true;
}

export function offsetsValid64(at: usize, count: u32, limit: f64): bool {
  if (count == 0 || load<i64>(at) < 0) return false;
  // The limit is a safe integer at most: compared as integers, for a large i64 would be rounded as a float.
  if (load<i64>(at + ((count - 1) << 3)) > <i64>limit) return false;
  let bad = i64x2.splat(0);
  let i: u32 = 0;
  for (; i + 2 < count; i += 2) {
    const p = at + (i << 3);
    bad = v128.or(bad, i64x2.gt_s(v128.load(p), v128.load(p, 8)));
  }
  if (v128.any_true(bad)) return false;
  for (; i + 1 < count; i++) {
    if (load<i64>(at + (i << 3)) > load<i64>(at + (i << 3), 8)) return false;
  }
  return true;
}
