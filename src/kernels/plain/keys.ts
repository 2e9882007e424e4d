/**
 * Keys of rows, read where they lie: hashing and comparing. `../key-index.ts` has the kinds of columns. A hash is that of a row's
 * checksum (mix.ts), begun with 0, over the words of all key columns; a value of variable length has its length in front.
 */
import { KEY_KIND } from "../key-index.js";
import { finish, step } from "./mix.js";

/** One key column of some rows. */
export interface KeyColumn {
  /** One of KEY_KIND. */
  readonly kind: number;
  /** Holds the values from byte `at` on. */
  readonly bytes: Uint8Array;
  readonly at: number;
  /** Words of the offsets from word `offsetsAt` on; two for each where they have 64 bits. */
  readonly offsets: Uint32Array;
  readonly offsetsAt: number;
}

/** The key columns of some rows, in the order of the key. */
export type KeyRows = readonly KeyColumn[];

/** First byte of a row's value, and of the next one's. */
function bounds({ kind, at, offsets, offsetsAt }: KeyColumn, row: number): { from: number; to: number } {
  switch (kind) {
    case KEY_KIND.WORD:
      return { from: at + 4 * row, to: at + 4 * row + 4 };
    case KEY_KIND.LONG:
      return { from: at + 8 * row, to: at + 8 * row + 8 };
    default: {
      const stride = kind === KEY_KIND.BYTES_64 ? 2 : 1;
      const word = offsetsAt + stride * row;
      return { from: at + (offsets[word] ?? 0), to: at + (offsets[word + stride] ?? 0) };
    }
  }
}

/** The hash of a row's key: 32 bits, unsigned. */
export function hashKey(rows: KeyRows, row: number): number {
  let hash = 0;
  for (const column of rows) {
    const { kind, bytes } = column;
    const { from, to } = bounds(column, row);
    if (kind !== KEY_KIND.WORD && kind !== KEY_KIND.LONG) hash = step(hash, to - from);
    let i = from;
    for (; i + 4 <= to; i += 4) {
      const low = (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8);
      hash = step(hash, low | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24));
    }
    if (i === to) continue;
    let last = 0;
    for (let shift = 0; i < to; i++, shift += 8) last |= (bytes[i] ?? 0) << shift;
    hash = step(hash, last);
  }
  return finish(hash) >>> 0;
}

/** Whether two rows have the same key; their columns are of the same kinds. */
export function equalKeys(rows: KeyRows, row: number, others: KeyRows, otherRow: number): boolean {
  return rows.every((column, i) => {
    const other = others[i];
    if (other === undefined) return false;
    const { from, to } = bounds(column, row);
    const { from: begin, to: end } = bounds(other, otherRow);
    if (to - from !== end - begin) return false;
    for (let at = from; at < to; at++) if (column.bytes[at] !== other.bytes[begin + at - from]) return false;
    return true;
  });
}
