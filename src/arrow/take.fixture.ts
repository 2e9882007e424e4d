/**
 * What tests ask of every column that `takeData` and `reverseData` make.
 *
 * @module
 */
import { type Data, DataType } from "apache-arrow";
import { expect } from "vitest";

/** Checks that `data` and its children are plain: unshared, from row 0 on, as short as can be, without needless bitmaps. */
export function expectPlain(data: Data): void {
  const { type, values, valueOffsets, nullBitmap } = data;
  expect(data.offset).toBe(0);
  for (const buffer of buffersOf(data)) {
    if (buffer) expect(buffer.buffer).toBeInstanceOf(ArrayBuffer);
  }
  if (DataType.isUnion(type) || DataType.isNull(type)) expect(nullBitmap).toBeUndefined();
  else if (data.nullCount === 0) expect(nullBitmap).toBeUndefined();
  else expect(nullBitmap.length).toBeGreaterThanOrEqual(data.length / 8);
  if (!DataType.isUnion(type) && valueOffsets) {
    expect(valueOffsets.length).toBe(data.length + 1);
    expect(Number(valueOffsets[0])).toBe(0);
    expect(Number(valueOffsets.at(-1))).toBe(values ? values.length : data.children[0]?.length);
  }
  if (values && !DataType.isBool(type) && !valueOffsets) expect(values.length).toBe(data.length * data.stride);
  data.children.forEach(expectPlain);
}

/** All buffers of `data` itself, undefined where it has none. */
export function buffersOf({ valueOffsets, values, nullBitmap, typeIds }: Data): (ArrayBufferView | undefined)[] {
  return [valueOffsets, values, nullBitmap, typeIds];
}
