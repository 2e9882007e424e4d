/**
 * The bytes that appends leave in an arena, held against what the columnar format and `src/arrow/body-writer.ts` say of them.
 */
import {
  Data,
  DataType,
  Dictionary,
  Field,
  Int32,
  List,
  makeData,
  Null,
  type RecordBatch,
  Schema,
  Struct,
  Type,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BatchPlan, compileBatchPlan } from "../src/arrow/batch-plan.js";
import type { Column } from "../src/arrow/columns/column.js";
import { aligned, type MessageTemplate } from "../src/arrow/message.js";
import { dataStart, tailOf } from "../src/store/arena.fixture.js";
import { BatchStore } from "../src/store/batch-store.js";
import { arbitraryBatchOf, arbitrarySchema, batchOf } from "./arrow-arbitrary.js";
import { type WalkedMessage, walk } from "./ipc-walk.js";
import { emptyStore, MEMORY_KINDS, messageBytes } from "./stores.js";

interface Case {
  readonly schema: Schema;
  readonly batches: readonly RecordBatch[];
}

const arbitraryCase: fc.Arbitrary<Case> = arbitrarySchema({ maxColumns: 3 }).chain((schema) =>
  fc.record({
    schema: fc.constant(schema),
    batches: fc.array(arbitraryBatchOf(schema, { maxRows: 20 }), { minLength: 1, maxLength: 4 }),
  }),
);

/** Appends the batches, some of them together, with appends between them that fail in their last column. */
function appendAmongFailures(store: BatchStore, batches: readonly RecordBatch[]): void {
  batches.forEach((batch, i) => {
    const broken = withoutLastRow(batch);
    if (broken !== undefined) {
      expect(() => store.append(broken)).toThrow("malformed");
      expect(() => store.appendAll([batch, ...batches, broken])).toThrow("malformed");
    }
    if (i % 2 === 0) store.append(batch);
    else store.appendAll([batch]);
  });
}

/** `batch` with one row too few in its last column. */
function withoutLastRow({ schema, numRows, data }: RecordBatch): RecordBatch | undefined {
  const last = data.children.at(-1);
  if (last === undefined || numRows === 0) return undefined;
  return batchOf(schema, numRows, [...data.children.slice(0, -1), last.slice(0, numRows - 1)]);
}

function expectMessage(message: WalkedMessage, template: MessageTemplate, columns: readonly Column[], extra: number) {
  const { header, body, batch } = message;
  expect(header.byteLength).toBe(template.bytes.byteLength);
  expect(batch.nodes).toHaveLength(template.nodeCount);
  expect(batch.buffers).toHaveLength(template.bufferCount);
  let end = 0;
  for (const { offset, length } of batch.buffers) {
    expect(offset).toBe(end);
    end = offset + aligned(length);
    expectZeros(body, offset + length, end);
  }
  expect(body.byteLength).toBe(end + aligned(extra));
  expectZeros(body, end + extra, body.byteLength);
  for (const column of columns) expectColumn(message, column, batch.length);
}

function expectColumn(message: WalkedMessage, column: Column, rows: number): void {
  const { batch } = message;
  const node = batch.nodes[column.node];
  expect(node?.length).toBe(rows);
  const nullCount = node?.nullCount ?? 0;
  const validity = bufferOf(message, column.bufferOf("validity"));
  if (validity !== undefined) {
    expect(validity.byteLength).toBe(nullCount === 0 ? 0 : Math.ceil(rows / 8));
    if (nullCount > 0) expect(setBits(validity, rows)).toBe(rows - nullCount);
  } else expect(nullCount).toBe(column.type.typeId === Type.Null ? rows : 0);
  const values = bufferOf(message, column.bufferOf("values"));
  if (DataType.isBool(column.type)) {
    expect(values?.byteLength).toBe(Math.ceil(rows / 8));
    setBits(values ?? new Uint8Array(), rows);
  }
  const offsets = bufferOf(message, column.bufferOf("offsets"));
  const childRows = column.children.map((child) => batch.nodes[child.node]?.length ?? -1);
  if (DataType.isUnion(column.type)) {
    expect(bufferOf(message, column.bufferOf("typeIds"))?.byteLength).toBe(rows);
    if (offsets !== undefined) expect(offsets.byteLength).toBe(4 * rows);
  } else if (offsets !== undefined) {
    const width = column.offsetWidth;
    expect(offsets.byteLength).toBe(width * (rows + 1));
    expectZeros(offsets, 0, width);
    const last = new DataView(offsets.buffer, offsets.byteOffset).getInt32(width * rows, true);
    expect(last).toBe(values === undefined ? childRows[0] : values.byteLength);
  }
  column.children.forEach((child, i) => {
    expectColumn(message, child, childRows[i] ?? -1);
  });
}

function bufferOf({ batch, body }: WalkedMessage, index: number | undefined): Uint8Array | undefined {
  const region = index === undefined ? undefined : batch.buffers[index];
  return region && body.subarray(region.offset, region.offset + region.length);
}

/** How many of the first `bits` bits are set; the others of the last byte must not be. */
function setBits(bitmap: Uint8Array, bits: number): number {
  let set = 0;
  for (let bit = 0; bit < 8 * bitmap.byteLength; bit++) {
    const isSet = ((bitmap[bit >> 3] ?? 0) >> (bit & 7)) & 1;
    if (bit >= bits) expect(isSet).toBe(0);
    set += isSet;
  }
  return set;
}

function expectZeros(bytes: Uint8Array, from: number, to: number): void {
  expect(bytes.subarray(from, to).every((byte) => byte === 0)).toBe(true);
}

function expectStream(store: BatchStore, plan: BatchPlan, rows: readonly number[]): void {
  const schemaBytes = store.ipcParts(0, 0)[0]?.byteLength ?? 0;
  expect(schemaBytes % 64).toBe(0);
  const messages = walk(Buffer.concat(store.ipcParts()));
  const setBytes = 8 * plan.dictionaries.length;
  for (const message of messages) {
    expect(message.start % 64).toBe(0);
    const dictionary = plan.dictionaries.find(({ id }) => id === message.dictionaryId);
    if (dictionary) expectMessage(message, dictionary.template, [dictionary.values], setBytes);
    else {
      expect(message.dictionaryId).toBeUndefined();
      expectMessage(message, plan.template, plan.columns, 0);
    }
  }
  const found = messages.filter(({ dictionaryId }) => dictionaryId === undefined).map(({ batch }) => batch.length);
  expect(found).toEqual(rows);
}

describe("the messages of a store", () => {
  for (const kind of MEMORY_KINDS) {
    it(`are aligned, padded with zeros and without gaps, also among failed appends (${kind})`, () => {
      fc.assert(
        fc.property(arbitraryCase, ({ schema, batches }) => {
          using store = emptyStore(schema, kind);
          appendAmongFailures(store, batches);
          const plan = compileBatchPlan(store.schema);
          expectStream(
            store,
            plan,
            batches.map((batch) => batch.numRows),
          );
          expect(dataStart(store) % 64).toBe(0);
          expect(tailOf(store) % 64).toBe(0);
        }),
        { numRuns: 60 },
      );
    });
  }

  it("are the same after failed appends, in recycled memory and behind another writer", () => {
    fc.assert(
      fc.property(arbitraryCase, ({ schema, batches }) => {
        using fresh = emptyStore(schema);
        for (const batch of batches) fresh.append(batch);
        const expected = messageBytes(fresh);

        const used = emptyStore(schema);
        appendAmongFailures(used, [...batches, ...batches].reverse());
        used.recycle();
        appendAmongFailures(used, batches);
        expect(messageBytes(used).equals(expected)).toBe(true);

        let writer = used;
        writer.recycle();
        for (const batch of batches) {
          const handle = writer.handle();
          writer.close();
          writer = BatchStore.attachWriter(handle, { prefault: false });
          writer.append(batch);
        }
        expect(messageBytes(writer).equals(expected)).toBe(true);
        writer.close();
      }),
      { numRuns: 60 },
    );
  });

  it("have no remains of bitmaps that turned out to be needless", () => {
    const nothing = new Struct([new Field("n", new Null(), true)]);
    const schema = new Schema([new Field("list", new List(new Field("item", nothing, true)), true)]);
    const batchWith = (items: number): RecordBatch => {
      const child = makeData({ type: new Null(), length: items });
      const nullBitmap = new Uint8Array(Math.ceil(items / 8)).fill(0xff);
      const structs = new Data(nothing, 0, items, 0, { 2: nullBitmap }, [child]);
      const lists = new Data(schema.fields[0]?.type, 0, 1, 0, { 0: Int32Array.of(0, items) }, [structs]);
      return batchOf(schema, 1, [lists]);
    };
    for (const kind of MEMORY_KINDS) {
      using store = emptyStore(schema, kind);
      // The bitmap of the first is longer than the header and the offsets of the second, which lie on its remains.
      for (const items of [8_000, 3, 5]) store.append(batchWith(items));
      expectStream(store, compileBatchPlan(store.schema), [1, 1, 1]);
    }
  });

  it("have a clean record of the dictionaries in force, also when it is longer than a block", () => {
    const type = new Dictionary(new Utf8(), new Int32(), 0);
    const fields = Array.from({ length: 20 }, (_, i) => new Field(`d${i}`, type, true));
    const schema = new Schema(fields);
    const dictionary = vectorFromArray(["a"], new Utf8());
    const batch = batchOf(
      schema,
      1,
      fields.map(() => makeData({ type, data: Int32Array.of(0), dictionary })),
    );
    const bytes = MEMORY_KINDS.map((kind) => {
      using store = emptyStore(schema, kind);
      store.append(batch);
      return messageBytes(store);
    });
    for (const other of bytes) expect(other.equals(bytes[0] ?? Buffer.alloc(0))).toBe(true);
  });
});
