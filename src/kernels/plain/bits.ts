/** Bit strings, least significant bit first as in Arrow. */

/** Bit `index` of the bytes: 0 or 1. */
export function bitAt(bytes: Uint8Array, index: number): number {
  return ((bytes[index >>> 3] ?? 0) >> (index & 7)) & 1;
}

/** Whether row `index` is null; without a validity bitmap none is. */
export function isNull(validity: Uint8Array | undefined, index: number): boolean {
  return validity !== undefined && bitAt(validity, index) === 0;
}

/** See `Kernels.alignBits`; the string starts at byte 0. */
export function alignBits(bytes: Uint8Array, bitOffset: number, bits: number): void {
  const inBytes = (bitOffset + bits + 7) >>> 3;
  const outBytes = (bits + 7) >>> 3;
  if (bitOffset !== 0) {
    for (let i = 0; i < outBytes; i++) {
      const next = i + 1 < inBytes ? (bytes[i + 1] ?? 0) : 0;
      bytes[i] = ((bytes[i] ?? 0) >> bitOffset) | (next << (8 - bitOffset));
    }
    if (inBytes > outBytes) bytes[outBytes] = 0;
  }
  if ((bits & 7) !== 0) bytes[outBytes - 1] = (bytes[outBytes - 1] ?? 0) & ((1 << (bits & 7)) - 1);
}

function countByte(byte: number): number {
  const pairs = byte - ((byte >> 1) & 0x55);
  const nibbles = (pairs & 0x33) + ((pairs >> 2) & 0x33);
  return (nibbles + (nibbles >> 4)) & 0x0f;
}

/** Set bits among bits [bitOffset, bitOffset + bits). */
export function countBits(bytes: Uint8Array, bitOffset: number, bits: number): number {
  const end = bitOffset + bits;
  let ones = 0;
  let i = bitOffset;
  while (i < end && (i & 7) !== 0) ones += bitAt(bytes, i++);
  for (; i + 8 <= end; i += 8) ones += countByte(bytes[i >>> 3] ?? 0);
  while (i < end) ones += bitAt(bytes, i++);
  return ones;
}

function packBits(src: Uint8Array, count: number, dst: Uint8Array, source: (row: number) => number): void {
  for (let start = 0; start < count; start += 8) {
    const rows = Math.min(8, count - start);
    let byte = 0;
    for (let j = 0; j < rows; j++) byte |= bitAt(src, source(start + j)) << j;
    dst[start >>> 3] = byte;
  }
}

/** Bit i of `dst` is bit bitOffset + indices[i] of `src`; the unused bits of the last byte become 0. */
export function gatherBits(src: Uint8Array, bitOffset: number, indices: Uint32Array, dst: Uint8Array): void {
  packBits(src, indices.length, dst, (row) => bitOffset + (indices[row] ?? 0));
}

/** Bit i of `dst` is bit bitOffset + count - 1 - i of `src`; the unused bits of the last byte become 0. */
export function reverseBits(src: Uint8Array, bitOffset: number, count: number, dst: Uint8Array): void {
  packBits(src, count, dst, (row) => bitOffset + count - 1 - row);
}
