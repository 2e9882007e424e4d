/** Gather and reverse of fixed-width values into a region that does not overlap them; twin: `../plain/fixed.ts`. */

// @ts-ignore: decorator
@inline
function gather<T>(src: usize, indicesAt: usize, count: u32, dst: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    store<T>(dst + i * sizeof<T>(), load<T>(src + load<u32>(indicesAt + (i << 2)) * sizeof<T>()));
  }
}

/** One value of any width, without touching a byte beyond it. */
// @ts-ignore: decorator
@inline
function copyValue(dst: usize, src: usize, width: u32): void {
  if (width > 64) {
    memory.copy(dst, src, width);
    return;
  }
  let i: u32 = 0;
  for (; i + 8 <= width; i += 8) store<u64>(dst + i, load<u64>(src + i));
  if ((width & 4) != 0) {
    store<u32>(dst + i, load<u32>(src + i));
    i += 4;
  }
  for (; i < width; i++) store<u8>(dst + i, load<u8>(src + i));
}

export function gatherFixed(src: usize, width: u32, indicesAt: usize, count: u32, dst: usize): void {
  if (width == 1) gather<u8>(src, indicesAt, count, dst);
  else if (width == 2) gather<u16>(src, indicesAt, count, dst);
  else if (width == 4) gather<u32>(src, indicesAt, count, dst);
  else if (width == 8) gather<u64>(src, indicesAt, count, dst);
  else if (width == 16) gather<v128>(src, indicesAt, count, dst);
  else {
    for (let i: u32 = 0; i < count; i++) {
      copyValue(dst + i * width, src + load<u32>(indicesAt + (i << 2)) * width, width);
    }
  }
}

/** The lanes of 1, 2, 4 or 8 bytes in the opposite order. */
// @ts-ignore: decorator
@inline
function reverseLanes<T>(v: v128): v128 {
  if (sizeof<T>() == 1) return v128.shuffle<i8>(v, v, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  if (sizeof<T>() == 2) return v128.shuffle<i16>(v, v, 7, 6, 5, 4, 3, 2, 1, 0);
  if (sizeof<T>() == 4) return v128.shuffle<i32>(v, v, 3, 2, 1, 0);
  return v128.shuffle<i64>(v, v, 1, 0);
}

// @ts-ignore: decorator
@inline
function reverse<T>(src: usize, count: u32, dst: usize): void {
  const lanes: u32 = 16 / sizeof<T>();
  let i: u32 = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const from = src + (count - i - 2 * lanes) * sizeof<T>();
    const to = dst + i * sizeof<T>();
    v128.store(to, reverseLanes<T>(v128.load(from, 16)));
    v128.store(to, reverseLanes<T>(v128.load(from)), 16);
  }
  for (; i < count; i++) store<T>(dst + i * sizeof<T>(), load<T>(src + (count - 1 - i) * sizeof<T>()));
}

export function reverseFixed(src: usize, width: u32, count: u32, dst: usize): void {
  if (width == 1) reverse<u8>(src, count, dst);
  else if (width == 2) reverse<u16>(src, count, dst);
  else if (width == 4) reverse<u32>(src, count, dst);
  else if (width == 8) reverse<u64>(src, count, dst);
  else if (width == 16) {
    for (let i: u32 = 0; i < count; i++) v128.store(dst + (i << 4), v128.load(src + ((count - 1 - i) << 4)));
  } else {
    for (let i: u32 = 0; i < count; i++) copyValue(dst + i * width, src + (count - 1 - i) * width, width);
  }
}
