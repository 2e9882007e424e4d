/**
 * Statistics of a column of numbers, in an arena or not; the rules are stated in ../statistics.ts. Loops work on
 * words and floats; BigInts are made once per block of rows.
 */
import { type NumberKind, numberWidth, type Statistics } from "../statistics.js";
import { isNull } from "./bits.js";
import { finish, finishNull, seed, step } from "./mix.js";
import { bytesOf, checkView, wordsOf } from "./views.js";

/** Rows whose 32-bit values are added as floats without rounding. */
const EXACT_ROWS = 2 ** 20;

/** The rows of one call. */
interface Rows {
  readonly validity: Uint8Array | undefined;
  readonly bitOffset: number;
  readonly count: number;
  readonly firstRow: number;
}

const noBytes = new Uint8Array(0);
const noHalves = new Uint16Array(0);
const noWords = new Int32Array(0);

/**
 * Integers of up to 32 bits. Each width has its own array, so that every load in the loop sees one type of array
 * only.
 */
function ints(values: ArrayBufferView, width: number, signed: boolean, rows: Rows, out: Statistics): void {
  const bytes = width === 1 ? bytesOf(values) : noBytes;
  const halves = width === 2 ? new Uint16Array(values.buffer, values.byteOffset, rows.count) : noHalves;
  const words = width === 4 ? wordsOf(values) : noWords;
  const shift = 32 - 8 * width;
  let checksum = 0;
  let valid = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let total = 0n;
  for (let start = 0; start < rows.count; start += EXACT_ROWS) {
    const end = Math.min(rows.count, start + EXACT_ROWS);
    let sum = 0;
    for (let i = start; i < end; i++) {
      const seeded = seed(rows.firstRow + i);
      if (isNull(rows.validity, rows.bitOffset + i)) {
        checksum = (checksum + finishNull(seeded)) | 0;
        continue;
      }
      const word = (width === 1 ? bytes[i] : width === 2 ? halves[i] : words[i]) ?? 0;
      checksum = (checksum + finish(step(seeded, word))) | 0;
      const value = signed ? (word << shift) >> shift : word >>> 0;
      if (value < min) min = value;
      if (value > max) max = value;
      sum += value;
      valid++;
    }
    total += BigInt(sum);
  }
  out.valid = valid;
  out.checksum = checksum >>> 0;
  out.min = valid === 0 ? undefined : min;
  out.max = valid === 0 ? undefined : max;
  out.sum = total;
}

/** Integers of 64 bits, as pairs of words. The top bit of u64 is flipped so that high words compare as signed. */
function longs(values: ArrayBufferView, signed: boolean, rows: Rows, out: Statistics): void {
  const words = wordsOf(values);
  const flip = signed ? 0 : 0x80000000 | 0;
  let checksum = 0;
  let valid = 0;
  let minLow = 0;
  let minHigh = 0;
  let maxLow = 0;
  let maxHigh = 0;
  let total = 0n;
  for (let start = 0; start < rows.count; start += EXACT_ROWS) {
    const end = Math.min(rows.count, start + EXACT_ROWS);
    let lowSum = 0;
    let highSum = 0;
    for (let i = start; i < end; i++) {
      const seeded = seed(rows.firstRow + i);
      if (isNull(rows.validity, rows.bitOffset + i)) {
        checksum = (checksum + finishNull(seeded)) | 0;
        continue;
      }
      const lowWord = words[2 * i] ?? 0;
      const highWord = words[2 * i + 1] ?? 0;
      checksum = (checksum + finish(step(step(seeded, lowWord), highWord))) | 0;
      const low = lowWord >>> 0;
      const high = highWord ^ flip;
      if (valid === 0 || high < minHigh || (high === minHigh && low < minLow)) {
        minLow = low;
        minHigh = high;
      }
      if (valid === 0 || high > maxHigh || (high === maxHigh && low > maxLow)) {
        maxLow = low;
        maxHigh = high;
      }
      lowSum += low;
      highSum += signed ? high : highWord >>> 0;
      valid++;
    }
    total += (BigInt(highSum) << 32n) + BigInt(lowSum);
  }
  const moved = signed ? 0 : 2 ** 31;
  out.valid = valid;
  out.checksum = checksum >>> 0;
  out.min = valid === 0 ? undefined : (BigInt(minHigh + moved) << 32n) + BigInt(minLow);
  out.max = valid === 0 ? undefined : (BigInt(maxHigh + moved) << 32n) + BigInt(maxLow);
  out.sum = total;
}

/** What one unit of the fraction of a half float is worth, by exponent; powers by `**` would take ten times as long. */
const halfUnits = Float64Array.from({ length: 31 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25));

/** The number that the 16 bits of a half float (IEEE 754 binary16) stand for. */
export function halfToNumber(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  const negative = (half & 0x8000) !== 0;
  if (exponent === 31) {
    if (fraction !== 0) return Number.NaN;
    return negative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const magnitude = (exponent === 0 ? fraction : 1024 + fraction) * (halfUnits[exponent] ?? 0);
  return negative ? -magnitude : magnitude;
}

function floats(values: ArrayBufferView, width: number, rows: Rows, out: Statistics): void {
  const { buffer, byteOffset } = values;
  const halves = width === 2 ? new Uint16Array(buffer, byteOffset, rows.count) : noHalves;
  const singles = new Float32Array(buffer, width === 4 ? byteOffset : 0, width === 4 ? rows.count : 0);
  const doubles = new Float64Array(buffer, width === 8 ? byteOffset : 0, width === 8 ? rows.count : 0);
  const words = width === 2 ? noWords : wordsOf(values);
  let checksum = 0;
  let valid = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  for (let i = 0; i < rows.count; i++) {
    let hash = seed(rows.firstRow + i);
    if (isNull(rows.validity, rows.bitOffset + i)) {
      checksum = (checksum + finishNull(hash)) | 0;
      continue;
    }
    let value: number;
    if (width === 2) {
      const half = halves[i] ?? 0;
      hash = step(hash, half);
      value = halfToNumber(half);
    } else if (width === 4) {
      hash = step(hash, words[i] ?? 0);
      value = singles[i] ?? 0;
    } else {
      hash = step(step(hash, words[2 * i] ?? 0), words[2 * i + 1] ?? 0);
      value = doubles[i] ?? 0;
    }
    checksum = (checksum + finish(hash)) | 0;
    if (value < min) min = value;
    if (value > max) max = value;
    if ((i & 3) === 0) sum0 += value;
    else if ((i & 3) === 1) sum1 += value;
    else if ((i & 3) === 2) sum2 += value;
    else sum3 += value;
    valid++;
  }
  out.valid = valid;
  out.checksum = checksum >>> 0;
  // + 0 turns -0 into +0.
  out.min = min > max ? undefined : min + 0;
  out.max = min > max ? undefined : max + 0;
  out.sum = sum0 + sum1 + (sum2 + sum3);
}

/**
 * Computes the statistics of `count` numbers of one kind.
 * @param values - the numbers, from the view's first byte, which must lie at a multiple of their width in its buffer
 * @param validity - bitmap of valid rows, or undefined when none is null
 * @param validityBitOffset - the bit of the first row in it
 * @param count - rows, below 2^31
 * @param firstRow - ordinal of the first row, for the checksum
 * @param out - receives the result
 * @throws UsageError when the view is misaligned or too short
 */
export function statisticsOf(
  kind: NumberKind,
  values: ArrayBufferView,
  validity: Uint8Array | undefined,
  validityBitOffset: number,
  count: number,
  firstRow: number,
  out: Statistics,
): void {
  const width = numberWidth[kind];
  checkView(values, width, count);
  const rows: Rows = { validity, bitOffset: validityBitOffset, count, firstRow };
  switch (kind) {
    case "i8":
    case "i16":
    case "i32":
      ints(values, width, true, rows, out);
      break;
    case "u8":
    case "u16":
    case "u32":
      ints(values, width, false, rows, out);
      break;
    case "i64":
      longs(values, true, rows, out);
      break;
    case "u64":
      longs(values, false, rows, out);
      break;
    case "f16":
    case "f32":
    case "f64":
      floats(values, width, rows, out);
      break;
  }
}
