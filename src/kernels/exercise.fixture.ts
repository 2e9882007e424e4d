/** A run through kernels of every group at given addresses, for tests of far addresses and of several threads. */
import type { Kernels } from "./kernels.js";
import { STATISTICS_BYTES } from "./statistics.js";

/** Bytes of the source that `exercise` reads: 1,024 random bytes. */
export const SOURCE_BYTES = 1024;
/** Bytes of the scratch that `exercise` writes. */
export const SCRATCH_BYTES = 7168;

/** The random bytes of a seed. */
export function sourceBytes(seed: number): Uint8Array {
  return Uint8Array.from(
    { length: SOURCE_BYTES },
    (_, i) => Math.imul(Math.imul(i + 1, 0x9e3779b1) ^ seed, 0x85ebca6b) >>> 23,
  );
}

/**
 * Runs the kernels and returns their results; all bytes of the scratch are defined afterwards.
 * @param source - address of the source, a multiple of 8; may be the last bytes of the memory
 * @param scratch - address of the scratch, a multiple of 8
 */
export function exercise(kernels: Kernels, source: number, scratch: number, firstRow: number): unknown[] {
  const results: unknown[] = [];
  const kinds = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "f32", "f64"] as const;
  kernels.fill(scratch, 0xa5, SCRATCH_BYTES);
  // The validity bitmap is the source as well. The last 16 values end where the source ends.
  for (const [i, kind] of kinds.entries()) {
    const width = Number(kind.slice(1)) / 8;
    kernels.statistics(kind, source + SOURCE_BYTES - 16 * width, source, 16, firstRow, scratch + i * STATISTICS_BYTES);
  }
  for (const rows of [128, 127, 3]) {
    const at = source + SOURCE_BYTES - 8 * rows;
    results.push(kernels.sumI64(at, rows), kernels.sumF64(at, rows));
  }
  results.push(kernels.countBits(source, 8 * SOURCE_BYTES - 3));
  results.push(kernels.checksumFixed(source + 1, 3, source, (SOURCE_BYTES - 1) / 3, firstRow));
  results.push(kernels.checksumBits(source, source, 8 * SOURCE_BYTES, firstRow));
  results.push(kernels.typeIdsValid(source, SOURCE_BYTES, 1, 2, 3, 4));
  results.push(kernels.indicesValid(source, 2, false, SOURCE_BYTES / 2, source, 65_000));

  const bits = scratch + 1024;
  kernels.copy(bits, source, SOURCE_BYTES);
  kernels.alignBits(bits, 3, 8 * SOURCE_BYTES - 8);
  kernels.reverseBits(source, 5, 8 * SOURCE_BYTES - 5, bits + 1024);

  // Sorted bytes make offsets; their low bits make indices.
  const offsets = scratch + 3072;
  const indices = scratch + 3584;
  const ramp = Int32Array.from({ length: 65 }, (_, i) => 7 + i * 15);
  const order = Uint32Array.from({ length: 64 }, (_, i) => (i * 29) % 64);
  results.push(store(kernels, offsets, ramp), store(kernels, indices, order));
  results.push(kernels.offsetsValid32(offsets, 65, SOURCE_BYTES), kernels.offsetsValid32(offsets, 65, 966));
  results.push(kernels.checksumVar32(offsets, source + 57, source, 64, firstRow));
  const outOffsets = scratch + 3840;
  const out = scratch + 4352;
  kernels.fill(out, 0, 1024);
  const done = kernels.gatherVar32(offsets, source + 57, indices, 64, outOffsets, out, 960);
  results.push(done);
  kernels.rebase32(outOffsets, done + 1, 5);
  kernels.gatherFixed(source, 8, indices, 64, out + 1024);
  kernels.gatherBits(source, indices, 64, out + 1024 + 512);
  kernels.reverseFixed(source, 4, SOURCE_BYTES / 4, out + 1024 + 640);
  return results;
}

/** Stores an array with kernels alone: filled byte by byte, as the exercise knows no memory. */
function store(kernels: Kernels, at: number, values: Int32Array | Uint32Array): number {
  const bytes = new Uint8Array(values.buffer);
  bytes.forEach((byte, i) => {
    kernels.fill(at + i, byte, 1);
  });
  return bytes.length;
}
