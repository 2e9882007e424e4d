/**
 * Moves many short runs of bytes at any alignment, for utf8 and binary columns.
 *
 * A native copy (`set` of a `subarray`) costs 30-60 ns however short the run is, and JavaScript has no other way to move more than
 * a byte at odd addresses, except a `DataView`: the engine turns its reads and writes into plain loads and stores at any
 * alignment. So short runs are moved eight bytes at a time, and up to seven bytes too many. Runs must therefore be written in
 * ascending order, each right behind the one before, so that the next run covers what the last one spilled; both buffers
 * need `SPILL_BYTES` behind the last run.
 *
 * Eight bytes are moved as a float64, a third faster than as two uint32 and several times faster than as a BigInt. Every float64 but
 * NaN has one encoding, so its bits survive; of a NaN the language lets an engine choose the bits, so those go as two uint32.
 *
 * @module
 */

/** Bytes past the end of a run that `copyRun` may read, and write. */
export const SPILL_BYTES = 7;

/** From this length on one native copy is faster. */
const NATIVE_COPY_MIN_BYTES = 128;

/** Longer than any run, and still a small integer. */
const NEVER = 0x3fffffff;

/** Where runs are copied from. */
export interface RunSource {
  readonly bytes: Uint8Array;
  /** Over the same start as `bytes`, and at least `SPILL_BYTES` longer than the part in use. */
  readonly view: DataView;
  /** What to subtract from a position in the original bytes. */
  readonly base: number;
  /** Runs at least this long are copied natively. */
  readonly nativeMinBytes: number;
}

/**
 * Prepares `bytes[start, end)` for about `runs` copies out of it.
 *
 * Bytes in shared memory are moved natively at 1.4 GB/s when source and target differ modulo 8, slower than by words, so
 * where runs are long the whole part is first brought to plain memory with its alignment kept.
 */
export function runSource(bytes: Uint8Array, start: number, end: number, runs: number): RunSource {
  const shared = !(bytes.buffer instanceof ArrayBuffer);
  const long = end - start >= NATIVE_COPY_MIN_BYTES * runs;
  const room = bytes.buffer.byteLength - bytes.byteOffset - end >= SPILL_BYTES;
  if (room && !(shared && long)) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, end + SPILL_BYTES);
    return { bytes, view, base: 0, nativeMinBytes: shared ? NEVER : NATIVE_COPY_MIN_BYTES };
  }
  const lead = (bytes.byteOffset + start) & 7;
  const buffer = new ArrayBuffer(lead + end - start + SPILL_BYTES);
  const plain = new Uint8Array(buffer, lead, end - start);
  plain.set(bytes.subarray(start, end));
  return { bytes: plain, view: new DataView(buffer, lead), base: start, nativeMinBytes: NATIVE_COPY_MIN_BYTES };
}

/** Moves `length` bytes, and up to `SPILL_BYTES` more, from `start` of `from` to `target` of `to`. */
export function copyRun(to: DataView, target: number, from: DataView, start: number, length: number): void {
  for (let byte = 0; byte < length; byte += 8) {
    const word = from.getFloat64(start + byte, true);
    if (Number.isNaN(word)) {
      to.setUint32(target + byte, from.getUint32(start + byte, true), true);
      to.setUint32(target + byte + 4, from.getUint32(start + byte + 4, true), true);
    } else {
      to.setFloat64(target + byte, word, true);
    }
  }
}
