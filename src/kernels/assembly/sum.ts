/**
 * Bare sums at memory speed, without validity; twin: `../plain/sum.ts`, which states the order of the float
 * additions.
 */

export function sumI64(at: usize, count: u32): i64 {
  let a = i64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8) {
    const p = at + (i << 3);
    a = i64x2.add(a, v128.load(p));
    b = i64x2.add(b, v128.load(p, 16));
    c = i64x2.add(c, v128.load(p, 32));
    d = i64x2.add(d, v128.load(p, 48));
  }
  a = i64x2.add(i64x2.add(a, b), i64x2.add(c, d));
  let sum = i64x2.extract_lane(a, 0) + i64x2.extract_lane(a, 1);
  for (; i < count; i++) sum += load<i64>(at + (i << 3));
  return sum;
}

/**
 * Adds the rows left over to the lanes (their index mod 8) by padding with +0, which changes no lane: none is ever
 * -0.
 */
export function sumF64(at: usize, count: u32): f64 {
  let a = f64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8) {
    const p = at + (i << 3);
    a = f64x2.add(a, v128.load(p));
    b = f64x2.add(b, v128.load(p, 16));
    c = f64x2.add(c, v128.load(p, 32));
    d = f64x2.add(d, v128.load(p, 48));
  }
  const rest = count - i;
  const p = at + (i << 3);
  if (rest > 0) a = f64x2.add(a, rest > 1 ? v128.load(p) : v128.load64_zero(p));
  if (rest > 2) b = f64x2.add(b, rest > 3 ? v128.load(p, 16) : v128.load64_zero(p, 16));
  if (rest > 4) c = f64x2.add(c, rest > 5 ? v128.load(p, 32) : v128.load64_zero(p, 32));
  if (rest > 6) d = f64x2.add(d, v128.load64_zero(p, 48));
  const ab =
    f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1) + (f64x2.extract_lane(b, 0) + f64x2.extract_lane(b, 1));
  const cd =
    f64x2.extract_lane(c, 0) + f64x2.extract_lane(c, 1) + (f64x2.extract_lane(d, 0) + f64x2.extract_lane(d, 1));
  return ab + cd;
}
