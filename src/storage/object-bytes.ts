/**
 * The bytes of objects, the same for every store: how many they may be, and which memory they go to.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import { type GetOptions, MAX_OBJECT_BYTES } from "./object-store.js";

/** @throws UsageError when so many bytes are not put or got at once */
export function assertObjectBytes(key: string, bytes: number): void {
  if (bytes > MAX_OBJECT_BYTES)
    throw new UsageError(
      `${key}: ${bytes} bytes are more than the ${MAX_OBJECT_BYTES} that are put or got at once. Cut them, or get ranges.`,
    );
}

/** @throws UsageError when the range is malformed or too long to be got at once */
export function assertRange(key: string, start: number, end: number): void {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start)
    throw new UsageError(`Bytes [${start}, ${end}) of ${key} are no range: expected whole numbers, 0 <= start <= end.`);
  assertObjectBytes(key, end - start);
}

/** Bytes of all parts together. @throws UsageError when these are more than an object holds */
export function totalBytes(key: string, parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.byteLength;
  assertObjectBytes(key, bytes);
  return bytes;
}

/** Memory for so many bytes, from the caller when it has some. @throws UsageError when that is too small */
export function memoryFor(bytes: number, into: GetOptions["into"]): Uint8Array {
  if (into === undefined) {
    // Neither filled with zeros nor a slice of the pool that everybody shares; a plain view, as a Buffer's `slice` does not copy.
    const fresh = Buffer.allocUnsafeSlow(bytes);
    return new Uint8Array(fresh.buffer, fresh.byteOffset, bytes);
  }
  const given = into(bytes);
  if (given.byteLength < bytes)
    throw new UsageError(`\`into\` gave ${given.byteLength} bytes of memory where ${bytes} were asked for.`);
  return given.subarray(0, bytes);
}
