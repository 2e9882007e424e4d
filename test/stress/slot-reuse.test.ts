/**
 * Slots grow down from the end of the arena and messages up from its beginning: where slots of small batches were, rows of large ones
 * come to lie once the slots are no longer anybody's. Their bytes must not show in the padding.
 */
import { Field, Int8, makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { FullError, UsageError } from "../../src/errors.js";
import { Arena } from "../../src/store/arena.js";
import { BatchStore } from "../../src/store/batch-store.js";
import { SlotTable } from "../../src/store/slots.js";

const schema = new Schema([new Field("a", new Int8(), false), new Field("b", new Int8(), false)]);
/** More than the distance in which the writer counts memory ahead of it as used. */
const BYTES = 8 << 20;
const SMALL_BATCHES = 14_000;
/** Odd, so that each column is padded. */
const LARGE_ROWS = 9_001;

function batchOf(rows: number): RecordBatch {
  const column = makeData({ type: new Int8(), data: new Int8Array(rows).fill(1) });
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: rows, children: [column, column] }),
  );
}

/** Fills the store with large batches and returns how many bytes of padding are not zero. */
function dirtyPadding(store: BatchStore): number {
  const large = batchOf(LARGE_ROWS);
  const full = (): unknown => {
    for (;;) store.append(large);
  };
  const from = store.length;
  expect(full).toThrow(FullError);
  expect(store.length).toBeGreaterThan(from);
  let dirty = 0;
  for (let position = from; position < store.length; position++) {
    for (const name of ["a", "b"]) {
      const values = store.column(name).values(position);
      if (values === undefined) throw new Error(`column ${name} has no values`);
      const end = values.byteOffset + values.byteLength;
      dirty += new Uint8Array(values.buffer, end, -end & 63).filter((byte) => byte !== 0).length;
    }
  }
  return dirty;
}

describe("memory that held slots", () => {
  it("is clean after a group was refused", () => {
    const store = BatchStore.create({ schema, bytes: BYTES, prefault: false });
    const spoilt = { schema, numRows: 1, data: { children: [], length: 1 } };
    const group = [...Array.from({ length: SMALL_BATCHES }, () => batchOf(1)), spoilt];
    expect(() => store.appendAll(group)).toThrow(UsageError);
    expect(dirtyPadding(store)).toBe(0);
  });

  it("is clean after the memory was recycled", () => {
    const store = BatchStore.create({ schema, bytes: BYTES, prefault: false });
    store.appendAll(Array.from({ length: SMALL_BATCHES }, () => batchOf(1)));
    store.recycle();
    expect(dirtyPadding(store)).toBe(0);
  });

  it("is clean after a writer ended in the midst of a group and another took over", () => {
    const store = BatchStore.create({ schema, bytes: BYTES, prefault: false });
    store.append(batchOf(1));
    const handle = store.handle();
    // What such a writer leaves: slots behind the committed length.
    const slots = new SlotTable(new Arena(handle.memory));
    for (let position = 1; position < SMALL_BATCHES; position++)
      slots.write(position, 64 * position, 64, 1, 1, 1, 1, 0);
    const next = BatchStore.attachWriter(handle, { takeover: true, prefault: false });
    expect(dirtyPadding(next)).toBe(0);
  });
});
