/**
 * Statistics of decimals: integers of 128 or 256 bits, little-endian, in words of 32 bits of which the last one has the sign.
 *
 * @module
 */
import { isNull } from "../../kernels/plain/bits.js";
import type { Statistics } from "../../kernels/statistics.js";

/** Rows whose words can be added as floats without rounding. */
const EXACT_ROWS = 2 ** 20;

/**
 * Minimum, maximum and sum, exact, of unscaled values.
 *
 * @param words value i at word i * wordsPerValue
 * @param validity undefined when no row is null; row 0 at bit `bitOffset`
 */
export function decimalStatistics(
  words: Uint32Array,
  wordsPerValue: number,
  validity: Uint8Array | undefined,
  bitOffset: number,
  rows: number,
): Pick<Statistics, "min" | "max" | "sum"> {
  let least = -1;
  let most = -1;
  let total = 0n;
  for (let start = 0; start < rows; start += EXACT_ROWS) {
    const end = Math.min(rows, start + EXACT_ROWS);
    const sums = new Array<number>(wordsPerValue).fill(0);
    for (let i = start; i < end; i++) {
      if (isNull(validity, bitOffset + i)) continue;
      if (least < 0 || isLess(words, i, least, wordsPerValue)) least = i;
      if (most < 0 || isLess(words, most, i, wordsPerValue)) most = i;
      for (let w = 0; w < wordsPerValue; w++) {
        const word = words[i * wordsPerValue + w] ?? 0;
        sums[w] = (sums[w] ?? 0) + (w === wordsPerValue - 1 ? word | 0 : word);
      }
    }
    sums.forEach((sum, w) => {
      total += BigInt(sum) << BigInt(32 * w);
    });
  }
  if (least < 0) return { min: undefined, max: undefined, sum: 0n };
  return { min: valueAt(words, least, wordsPerValue), max: valueAt(words, most, wordsPerValue), sum: total };
}

function isLess(words: Uint32Array, a: number, b: number, wordsPerValue: number): boolean {
  const top = wordsPerValue - 1;
  for (let w = top; w >= 0; w--) {
    const wordOfA = words[a * wordsPerValue + w] ?? 0;
    const wordOfB = words[b * wordsPerValue + w] ?? 0;
    if (wordOfA !== wordOfB) return w === top ? (wordOfA | 0) < (wordOfB | 0) : wordOfA < wordOfB;
  }
  return false;
}

function valueAt(words: Uint32Array, row: number, wordsPerValue: number): bigint {
  let value = 0n;
  for (let w = 0; w < wordsPerValue; w++) {
    value += BigInt(words[row * wordsPerValue + w] ?? 0) << BigInt(32 * w);
  }
  return BigInt.asIntN(32 * wordsPerValue, value);
}
