/**
 * Keys on their way to the kernels, which read them in the arena only: in portions that fit this thread's scratch region.
 *
 * ```
 * │ record │ results, one word a key and one more │ key column 0 │ key column 1 │ … │      every part on an 8-byte boundary
 *            column of fixed width: values;  of bytes: offsets, as they were, then the bytes
 * ```
 * The record is like that of a batch in the index. The offsets of a portion do not begin at 0, so the address of its bytes is that many
 * bytes lower, modulo 2^32 as all addresses in kernels. A column that lies in the arena already stays where it is.
 *
 * @module
 */
import { KEY_KIND, recordBytes } from "../kernels/key-index.js";
import type { KeyColumn, KeyRows } from "../kernels/plain/keys.js";
import type { Arena } from "../store/arena.js";
import type { ScratchRegion } from "../store/scratch.js";

/** A portion of keys that is ready to be looked up. */
export interface Portion {
  /** Address of the record. */
  readonly record: number;
  readonly count: number;
  /** Address of the results. */
  readonly out: number;
}

export class KeyScratch {
  readonly region: ScratchRegion;
  readonly #arena: Arena;

  constructor(arena: Arena, region: ScratchRegion) {
    this.#arena = arena;
    this.region = region;
  }

  /** As many of the keys [from, to) as fit; undefined when a single one does not. */
  portion(keys: KeyRows, from: number, to: number): Portion | undefined {
    const record = this.region.address;
    const out = record + recordBytes(keys.length);
    const end = record + this.region.bytes;
    let count = to - from;
    while (count > 0 && this.#endOf(keys, from, count, out) > end) count >>>= 1;
    if (count === 0) return undefined;
    this.#write(keys, from, count, record, out);
    return { record, count, out };
  }

  #endOf(keys: KeyRows, from: number, count: number, out: number): number {
    let at = aligned8(out + 4 * (count + 1));
    for (const column of keys) if (!this.#isInArena(column)) at += columnBytes(column, from, count);
    return at;
  }

  #write(keys: KeyRows, from: number, count: number, record: number, out: number): void {
    const { u8, u32 } = this.#arena;
    let at = aligned8(out + 4 * (count + 1));
    keys.forEach((column, i) => {
      const word = record / 4 + 2 + 2 * i;
      const { bytes, offsets } = column;
      const width = fixedWidth(column);
      const stays = this.#isInArena(column);
      const first = width === 0 ? offsetAt(column, from) : width * from;
      if (width > 0) {
        u32[word] = stays ? bytes.byteOffset + first : at;
        if (!stays) u8.set(bytes.subarray(first, first + width * count), at);
      } else if (stays) {
        u32[word] = bytes.byteOffset;
        u32[word + 1] = offsets.byteOffset + 4 * stride(column) * from;
      } else {
        const words = offsets.subarray(stride(column) * from, stride(column) * (from + count + 1));
        const bytesAt = at + aligned8(words.byteLength);
        u32.set(words, at / 4);
        u8.set(bytes.subarray(first, offsetAt(column, from + count)), bytesAt);
        u32[word] = bytesAt - first;
        u32[word + 1] = at;
      }
      if (!stays) at += columnBytes(column, from, count);
    });
  }

  #isInArena({ bytes, offsets }: KeyColumn): boolean {
    const { buffer } = this.#arena;
    return bytes.buffer === buffer && (offsets.length === 0 || offsets.buffer === buffer);
  }
}

function columnBytes(column: KeyColumn, from: number, count: number): number {
  const width = fixedWidth(column);
  if (width > 0) return aligned8(width * count);
  const bytes = offsetAt(column, from + count) - offsetAt(column, from);
  return aligned8(4 * stride(column) * (count + 1)) + aligned8(bytes);
}

function fixedWidth({ kind }: KeyColumn): number {
  if (kind === KEY_KIND.WORD) return 4;
  return kind === KEY_KIND.LONG ? 8 : 0;
}

/** Words of an offset. */
function stride({ kind }: KeyColumn): number {
  return kind === KEY_KIND.BYTES_64 ? 2 : 1;
}

function offsetAt(column: KeyColumn, row: number): number {
  return column.offsets[stride(column) * row] ?? 0;
}

function aligned8(bytes: number): number {
  return 8 * Math.ceil(bytes / 8);
}
