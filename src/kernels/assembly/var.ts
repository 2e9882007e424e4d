/**
 * Gather and reverse of variable-length values into scratch that does not overlap them; twin: `../plain/var.ts`.
 *
 * Short values are copied 16 bytes at a time, past their end, which is far quicker than a bulk copy each: the bytes
 * behind the last value in the output, within its capacity, are therefore undefined. Two guards keep that lawful: a
 * block is read only where 16 bytes lie before the memory's end, written only where 16 bytes lie before the
 * capacity's end; else the exact copy is used. What is read past a value may be bytes that another thread is writing
 * just now: they never become part of a value.
 */

/** Longer values go through the bulk copy. */
const BLOCK_COPY_MAX: u32 = 128;

/** Where the memory ends, as u32: 0 for 4 GiB, from which differences come out right all the same. */
// @ts-ignore: decorator
@inline
function memoryEnd(): u32 {
  return <u32>memory.size() << 16;
}

/** Copies one value to outDataAt + used, whose room was checked. */
// @ts-ignore: decorator
@inline
function copyValue(outDataAt: usize, used: u32, capacity: u32, from: u32, bytes: u32, end: u32): void {
  const to = outDataAt + used;
  const span = (bytes + 15) & ~15;
  if (bytes <= BLOCK_COPY_MAX && span <= capacity - used && span <= end - from) {
    for (let i: u32 = 0; i < span; i += 16) v128.store(to + i, v128.load(from + i));
  } else {
    memory.copy(to, from, bytes);
  }
}

/** Values of the rows listed at indicesAt, or (reversed) of rows firstRow + count - 1 … firstRow. */
// @ts-ignore: decorator
@inline
function take<O>(
  offsetsAt: usize,
  dataAt: usize,
  indicesAt: usize,
  reversed: bool,
  firstRow: u32,
  count: u32,
  outOffsetsAt: usize,
  outDataAt: usize,
  outDataCapacity: u32,
): u32 {
  const capacity = sizeof<O>() == 4 ? min<u32>(outDataCapacity, <u32>i32.MAX_VALUE) : outDataCapacity;
  const end = memoryEnd();
  let used: u32 = 0;
  store<O>(outOffsetsAt, 0);
  for (let i: u32 = 0; i < count; i++) {
    const row = reversed ? firstRow + count - 1 - i : load<u32>(indicesAt + (i << 2));
    const from = <u32>load<O>(offsetsAt + row * sizeof<O>());
    const bytes = <u32>load<O>(offsetsAt + row * sizeof<O>(), sizeof<O>()) - from;
    if (bytes > capacity - used) return i;
    copyValue(outDataAt, used, capacity, dataAt + from, bytes, end);
    used += bytes;
    store<O>(outOffsetsAt + i * sizeof<O>(), <O>used, sizeof<O>());
  }
  return count;
}

export function gatherVar32(
  offsetsAt: usize,
  dataAt: usize,
  indicesAt: usize,
  count: u32,
  outOffsetsAt: usize,
  outDataAt: usize,
  outDataCapacity: u32,
): u32 {
  return take<i32>(offsetsAt, dataAt, indicesAt, false, 0, count, outOffsetsAt, outDataAt, outDataCapacity);
}

export function reverseVar32(
  offsetsAt: usize,
  dataAt: usize,
  firstRow: u32,
  count: u32,
  outOffsetsAt: usize,
  outDataAt: usize,
  outDataCapacity: u32,
): u32 {
  return take<i32>(offsetsAt, dataAt, 0, true, firstRow, count, outOffsetsAt, outDataAt, outDataCapacity);
}

export function gatherVar64(
  offsetsAt: usize,
  dataAt: usize,
  indicesAt: usize,
  count: u32,
  outOffsetsAt: usize,
  outDataAt: usize,
  outDataCapacity: u32,
): u32 {
  return take<i64>(offsetsAt, dataAt, indicesAt, false, 0, count, outOffsetsAt, outDataAt, outDataCapacity);
}

export function reverseVar64(
  offsetsAt: usize,
  dataAt: usize,
  firstRow: u32,
  count: u32,
  outOffsetsAt: usize,
  outDataAt: usize,
  outDataCapacity: u32,
): u32 {
  return take<i64>(offsetsAt, dataAt, 0, true, firstRow, count, outOffsetsAt, outDataAt, outDataCapacity);
}
