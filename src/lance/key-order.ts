/**
 * The order of keys: which row has the least key, which the next ….
 *
 * Radix sort by bytes, from the lowest digit to the highest, in which digits that all keys share cost nothing. Keys of any length are
 * sorted by windows of 7 bytes, each with a digit that says how much of the key is in it ("a" comes before "a\0"); those that agree are
 * sorted by the next window.
 *
 * @module
 */

const DIGITS = 8;
const RADIX = 256;
const WINDOW = 7;
/** The window's last digit when there is more of the key. */
const MORE = 8;
/** Fewer rows are sorted by comparing them. */
const FEW = 32;

/** Keys of any length, one behind the other. */
export interface ByteKeys {
  readonly bytes: Uint8Array;
  /** Where key i starts; one more, where the last one ends. */
  readonly offsets: Float64Array;
}

/** Rows in the order of the unsigned numbers `high[row] * 2^32 + low[row]`; equal ones in the order of rows. */
export function orderOfNumbers(high: Uint32Array, low: Uint32Array): Uint32Array {
  const order = firstToLast(high.length);
  sortByDigits(order, high, low);
  return order;
}

/** Rows in the order of the bytes of their keys, a prefix before what it is a prefix of. */
export function orderOfBytes(keys: ByteKeys): Uint32Array {
  const rows = keys.offsets.length - 1;
  const order = firstToLast(rows);
  const high = new Uint32Array(rows);
  const low = new Uint32Array(rows);
  // At most as many ranges wait as there are rows.
  const waiting = [{ from: 0, to: rows, depth: 0 }];
  for (let range = waiting.pop(); range !== undefined; range = waiting.pop()) {
    const { from, to, depth } = range;
    const part = order.subarray(from, to);
    if (part.length <= FEW) {
      part.sort((a, b) => compare(keys, a, b, depth));
      continue;
    }
    for (const row of part) readWindow(keys, row, depth, high, low);
    sortByDigits(part, high, low);
    for (let start = from, at = from + 1; at <= to; at++) {
      const first = order[start] ?? 0;
      const row = order[at] ?? 0;
      if (at < to && high[row] === high[first] && low[row] === low[first]) continue;
      if (at - start > 1 && ((low[first] ?? 0) & 0xff) === MORE)
        waiting.push({ from: start, to: at, depth: depth + WINDOW });
      start = at;
    }
  }
  return order;
}

function readWindow(
  { bytes, offsets }: ByteKeys,
  row: number,
  depth: number,
  high: Uint32Array,
  low: Uint32Array,
): void {
  const at = (offsets[row] ?? 0) + depth;
  const left = (offsets[row + 1] ?? 0) - at;
  let h = 0;
  let l = 0;
  if (left > 0) h |= (bytes[at] ?? 0) << 24;
  if (left > 1) h |= (bytes[at + 1] ?? 0) << 16;
  if (left > 2) h |= (bytes[at + 2] ?? 0) << 8;
  if (left > 3) h |= bytes[at + 3] ?? 0;
  if (left > 4) l |= (bytes[at + 4] ?? 0) << 24;
  if (left > 5) l |= (bytes[at + 5] ?? 0) << 16;
  if (left > 6) l |= (bytes[at + 6] ?? 0) << 8;
  high[row] = h;
  low[row] = l | Math.min(left, MORE);
}

function compare({ bytes, offsets }: ByteKeys, a: number, b: number, depth: number): number {
  const aEnd = offsets[a + 1] ?? 0;
  const bEnd = offsets[b + 1] ?? 0;
  let at = (offsets[a] ?? 0) + depth;
  let bt = (offsets[b] ?? 0) + depth;
  while (at < aEnd && bt < bEnd) {
    const difference = (bytes[at++] ?? 0) - (bytes[bt++] ?? 0);
    if (difference !== 0) return difference;
  }
  return aEnd - at - (bEnd - bt);
}

/** Sorts the rows in `order` by their digits; keeps the order of equal ones. */
function sortByDigits(order: Uint32Array, high: Uint32Array, low: Uint32Array): void {
  const rows = order.length;
  const counts = new Uint32Array(DIGITS * RADIX);
  for (let i = 0; i < rows; i++) {
    const row = order[i] ?? 0;
    countDigits(counts, 0, low[row] ?? 0);
    countDigits(counts, 4 * RADIX, high[row] ?? 0);
  }
  let from: Uint32Array = order;
  let to: Uint32Array = new Uint32Array(rows);
  for (let digit = 0; digit < DIGITS; digit++) {
    const starts = counts.subarray(digit * RADIX, (digit + 1) * RADIX);
    const words = digit < 4 ? low : high;
    const shift = 8 * (digit & 3);
    // All keys have the same digit here.
    if (starts[((words[from[0] ?? 0] ?? 0) >>> shift) & 0xff] === rows) continue;
    let sum = 0;
    for (let value = 0; value < RADIX; value++) {
      const found = starts[value] ?? 0;
      starts[value] = sum;
      sum += found;
    }
    for (let i = 0; i < rows; i++) {
      const row = from[i] ?? 0;
      const value = ((words[row] ?? 0) >>> shift) & 0xff;
      const place = starts[value] ?? 0;
      to[place] = row;
      starts[value] = place + 1;
    }
    [from, to] = [to, from];
  }
  if (from !== order) order.set(from);
}

function countDigits(counts: Uint32Array, base: number, word: number): void {
  const first = base + (word & 0xff);
  const second = base + RADIX + ((word >>> 8) & 0xff);
  const third = base + 2 * RADIX + ((word >>> 16) & 0xff);
  const fourth = base + 3 * RADIX + (word >>> 24);
  counts[first] = (counts[first] ?? 0) + 1;
  counts[second] = (counts[second] ?? 0) + 1;
  counts[third] = (counts[third] ?? 0) + 1;
  counts[fourth] = (counts[fourth] ?? 0) + 1;
}

function firstToLast(rows: number): Uint32Array {
  const order = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) order[row] = row;
  return order;
}
