/** Bit strings, least significant bit first as in Arrow; twin: `../plain/bits.ts`. */

/** Moves bits [bitOffset, bitOffset + bits) down to bit 0 in place; the freed bits, up to the byte's end, become 0. */
export function alignBits(at: usize, bitOffset: u32, bits: u32): void {
  const inBytes = (bitOffset + bits + 7) >> 3;
  const outBytes = (bits + 7) >> 3;
  if (bitOffset != 0) {
    let i: u32 = 0;
    // Each step reads 17 bytes and writes the first 16 of them, so a later step never reads what an earlier one wrote.
    for (; i + 17 <= inBytes; i += 16) {
      const here = v128.load(at + i);
      const next = v128.load(at + i, 1);
      v128.store(at + i, v128.or(i64x2.shr_u(here, bitOffset), i64x2.shl(next, 8 - bitOffset)));
    }
    for (; i < outBytes; i++) {
      const next: u32 = i + 1 < inBytes ? load<u8>(at + i, 1) : 0;
      store<u8>(at + i, (<u32>load<u8>(at + i) >> bitOffset) | (next << (8 - bitOffset)));
    }
    if (inBytes > outBytes) store<u8>(at + outBytes, 0);
  }
  if ((bits & 7) != 0) {
    const last = at + outBytes - 1;
    store<u8>(last, <u32>load<u8>(last) & ((1 << (bits & 7)) - 1));
  }
}

export function countBits(at: usize, bits: u32): u32 {
  const words = bits >> 6;
  let ones: u64 = 0;
  for (let i: u32 = 0; i < words; i++) ones += popcnt(load<u64>(at + (i << 3)));
  const bytes = (bits >> 3) & 7;
  let p = at + (words << 3);
  for (let i: u32 = 0; i < bytes; i++, p++) ones += popcnt(<u32>load<u8>(p));
  if ((bits & 7) != 0) ones += popcnt(<u32>load<u8>(p) & ((1 << (bits & 7)) - 1));
  return <u32>ones;
}

// @ts-ignore: decorator
@inline
function bit(at: usize, index: u32): u32 {
  return (<u32>load<u8>(at + (index >> 3)) >> (index & 7)) & 1;
}

export function gatherBits(src: usize, indicesAt: usize, count: u32, dst: usize): void {
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8) {
    const p = indicesAt + (i << 2);
    store<u8>(
      dst + (i >> 3),
      bit(src, load<u32>(p)) |
        (bit(src, load<u32>(p, 4)) << 1) |
        (bit(src, load<u32>(p, 8)) << 2) |
        (bit(src, load<u32>(p, 12)) << 3) |
        (bit(src, load<u32>(p, 16)) << 4) |
        (bit(src, load<u32>(p, 20)) << 5) |
        (bit(src, load<u32>(p, 24)) << 6) |
        (bit(src, load<u32>(p, 28)) << 7),
    );
  }
  if (i == count) return;
  let last: u32 = 0;
  for (let j: u32 = i; j < count; j++) last |= bit(src, load<u32>(indicesAt + (j << 2))) << (j & 7);
  store<u8>(dst + (i >> 3), last);
}

/** The bits of a word in the opposite order: of each byte by masks, then the bytes. */
// @ts-ignore: decorator
@inline
function reverseWord(word: u64): u64 {
  word = ((word >> 1) & 0x5555555555555555) | ((word & 0x5555555555555555) << 1);
  word = ((word >> 2) & 0x3333333333333333) | ((word & 0x3333333333333333) << 2);
  word = ((word >> 4) & 0x0f0f0f0f0f0f0f0f) | ((word & 0x0f0f0f0f0f0f0f0f) << 4);
  return bswap<u64>(word);
}

/** Bit i of dst is bit bitOffset + count - 1 - i of src. */
export function reverseBits(src: usize, bitOffset: u32, count: u32, dst: usize): void {
  let done: u32 = 0;
  for (; done + 64 <= count; done += 64) {
    const first = bitOffset + count - done - 64;
    const shift = first & 7;
    const p = src + (first >> 3);
    let word = load<u64>(p) >> shift;
    // Only then does the ninth byte belong to the string.
    if (shift != 0) word |= <u64>load<u8>(p, 8) << (64 - shift);
    store<u64>(dst + (done >> 3), reverseWord(word));
  }
  while (done < count) {
    const rows = min<u32>(8, count - done);
    let byte: u32 = 0;
    for (let j: u32 = 0; j < rows; j++) byte |= bit(src, bitOffset + count - done - 1 - j) << j;
    store<u8>(dst + (done >> 3), byte);
    done += rows;
  }
}
