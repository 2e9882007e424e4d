/** Bare sums, without validity. */
import { wordsOf } from "./views.js";

/** Rows whose halves are added as floats without rounding. */
const EXACT_ROWS = 2 ** 20;

/** Sum, wrapping to 64 bits. */
export function sumI64(values: BigInt64Array): bigint {
  const words = wordsOf(values);
  let sum = 0n;
  for (let start = 0; start < words.length; start += 2 * EXACT_ROWS) {
    const end = Math.min(words.length, start + 2 * EXACT_ROWS);
    let low = 0;
    let high = 0;
    for (let i = start; i < end; i += 2) {
      low += (words[i] ?? 0) >>> 0;
      high += words[i + 1] ?? 0;
    }
    sum += (BigInt(high) << 32n) + BigInt(low);
  }
  return BigInt.asIntN(64, sum);
}

/**
 * Sum in eight lanes (row mod 8) combined as ((0+1)+(2+3)) + ((4+5)+(6+7)), the order that vectors of two lanes give.
 */
export function sumF64(values: Float64Array): number {
  const lanes = new Float64Array(8);
  for (let i = 0; i < values.length; i++) lanes[i & 7] = (lanes[i & 7] ?? 0) + (values[i] ?? 0);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = lanes;
  return a + b + (c + d) + (e + f + (g + h));
}
