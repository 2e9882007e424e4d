/**
 * Counts, rates and sizes as people read them.
 *
 * @module
 */

const COUNT_SUFFIXES = ["", "k", "M", "G", "T"];
const BYTE_SUFFIXES = ["B", "kB", "MB", "GB", "TB"];

/** A whole number with thousands separated: 3,000,000. */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

/** "1 batch", "2 batches". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** About three digits and a decimal suffix: 3.42M. */
export function short(count: number): string {
  return scaled(count, COUNT_SUFFIXES, "");
}

/** Bytes, in powers of 1000: 72.1 MB. */
export function size(bytes: number): string {
  return scaled(bytes, BYTE_SUFFIXES, " ");
}

function scaled(value: number, suffixes: readonly string[], space: string): string {
  let rest = value;
  let step = 0;
  while (rest >= 999.5 && step < suffixes.length - 1) {
    rest /= 1000;
    step++;
  }
  const digits = step === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return `${rest.toFixed(digits)}${space}${suffixes[step] ?? ""}`;
}
