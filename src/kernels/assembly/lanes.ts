/**
 * Four rows at a time: loading them into 32-bit lanes, and masks of lanes from validity bits.
 * Rows past the end of a column are never read: the last one to three rows are loaded one by one.
 */

// The width is an argument and not a type: one compiled loop serves all narrow types, and its branches are always
// predicted right.

function lane(at: usize, width: u32, signed: bool): i32 {
  if (width == 4) return load<i32>(at);
  if (width == 2) return signed ? <i32>load<i16>(at) : <i32>load<u16>(at);
  return signed ? <i32>load<i8>(at) : <i32>load<u8>(at);
}

/** The first one to three of four values; the other lanes are 0. */
function loadPart(at: usize, width: u32, signed: bool, rows: u32): v128 {
  let lanes = i32x4.replace_lane(i32x4.splat(0), 0, lane(at, width, signed));
  if (rows > 1) lanes = i32x4.replace_lane(lanes, 1, lane(at + width, width, signed));
  if (rows > 2) lanes = i32x4.replace_lane(lanes, 2, lane(at + 2 * width, width, signed));
  return lanes;
}

/** Four values of 1, 2 or 4 bytes (fewer when fewer rows are left) in 32-bit lanes, sign or zero extended. */
// @ts-ignore: decorator
@inline
export function loadNarrow(at: usize, width: u32, signed: bool, rows: u32): v128 {
  if (rows < 4) return loadPart(at, width, signed, rows);
  if (width == 4) return v128.load(at);
  if (width == 2) return signed ? v128.load16x4_s(at) : v128.load16x4_u(at);
  const bytes = v128.load32_zero(at);
  return signed
    ? i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(bytes))
    : i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
}

/** Rows 0 and 1 of at most four 64-bit rows; missing lanes are 0. */
// @ts-ignore: decorator
@inline
export function loadFirstPair(at: usize, rows: u32): v128 {
  return rows > 1 ? v128.load(at) : v128.load64_zero(at);
}

/** Rows 2 and 3 of at most four 64-bit rows; missing lanes are 0. */
// @ts-ignore: decorator
@inline
export function loadSecondPair(at: usize, rows: u32): v128 {
  if (rows > 3) return v128.load(at, 16);
  return rows > 2 ? v128.load64_zero(at, 16) : i64x2.splat(0);
}

/** The four bits of rows row … row + 3 (row is a multiple of 4) of a bitmap. */
// @ts-ignore: decorator
@inline
export function nibble(bitmapAt: usize, row: u32): u32 {
  return (<u32>load<u8>(bitmapAt + (row >> 3)) >> (row & 4)) & 15;
}

/** The bits of the rows that exist: 15, or fewer in the last group. */
// @ts-ignore: decorator
@inline
export function presentBits(rest: u32): u32 {
  return rest >= 4 ? 15 : (1 << rest) - 1;
}

/** All ones in the lanes whose bit is set. */
// @ts-ignore: decorator
@inline
export function laneMask(bits: u32): v128 {
  const weights = i32x4(1, 2, 4, 8);
  return i32x4.eq(v128.and(i32x4.splat(bits), weights), weights);
}
