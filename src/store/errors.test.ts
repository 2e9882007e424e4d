/** Bad input: each kind has its own error, which says what was wrong and what was expected; nothing has changed afterwards. */
import {
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  type RecordBatch,
  Schema,
  Struct,
  Table,
  Timestamp,
  TimeUnit,
  Utf8,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { batchOf } from "../../test/arrow-arbitrary.js";
import {
  colorBatch,
  colorSchema,
  idsOf,
  int32,
  mixedSchema,
  pairBatch,
  pairSchema,
  seededBatch,
  thrown,
} from "../../test/batches.js";
import { ClosedError, FullError, PennonError, UsageError } from "../errors.js";
import { publishedBytes, word } from "./arena.fixture.js";
import { BatchStore, type StoreOptions } from "./batch-store.js";

const ROWS = 3;
const [idField, valueField] = pairSchema.fields;

function storeOf(): BatchStore {
  const store = BatchStore.create({ schema: pairSchema, bytes: 65_536, capacity: 8 });
  store.append(pairBatch(ROWS));
  return store;
}

/** Calls a function with arguments that its types would refuse. */
function call(target: object, name: string, ...args: unknown[]): unknown {
  return Reflect.apply(Reflect.get(target, name), target, args);
}

function expectUsage(action: () => unknown, message: RegExp | string): void {
  const error = thrown(action);
  expect(error).toBeInstanceOf(UsageError);
  expect(error).toBeInstanceOf(PennonError);
  expect(error).toMatchObject({ name: "UsageError", code: "Usage", retryable: false });
  if (typeof message === "string") expect(String(error)).toContain(message);
  else expect(String(error)).toMatch(message);
}

describe("create refuses", () => {
  const create = (options: Partial<StoreOptions>): BatchStore =>
    BatchStore.create({ schema: pairSchema, bytes: 65_536, ...options });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e300])("a capacity of %s", (capacity) => {
    expectUsage(
      () => create({ capacity }),
      /capacity is .*; (expected a whole number of batches, 1 or more|an arena of 4 GiB has room for)/,
    );
  });

  it.each([2 ** 27 + 1, 2 ** 31, Number.MAX_SAFE_INTEGER])(
    "a capacity of %s, for which 4 GiB have no room",
    (capacity) => {
      expectUsage(
        () => create({ capacity }),
        `capacity is ${capacity}; an arena of 4 GiB has room for 134217728 slots`,
      );
    },
  );

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32 + 1, 1e300])("%s bytes", (bytes) => {
    expectUsage(() => create({ bytes }), `bytes is ${bytes}; expected more than 0 and at most 4294967296 (4 GiB)`);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 24 + 1])("a cache of %s batches", (cachedBatches) => {
    const message = `cachedBatches is ${cachedBatches}; expected a whole number from 1 to 16777216`;
    expectUsage(() => create({ cachedBatches }), message);
    const store = storeOf();
    expectUsage(() => BatchStore.attach(store.handle(), { cachedBatches }), message);
    expectUsage(() => BatchStore.attachWriter(store.handle(), { takeover: true, cachedBatches }), message);
    expect(store.readers).toBe(0);
    expect(store.append(pairBatch(1))).toMatchObject({ position: 1 });
  });

  it.each([
    ["capacity", "10"],
    ["capacity", null],
    ["bytes", "65536"],
    ["bytes", 65536n],
    ["cachedBatches", "8"],
  ])("%s of another type: %s", (name, value) => {
    // null means nothing was said, as undefined does.
    if (value === null)
      expect(call(BatchStore, "create", { schema: pairSchema, bytes: 65_536, [name]: value })).toBeDefined();
    else
      expectUsage(
        () => call(BatchStore, "create", { schema: pairSchema, bytes: 65_536, [name]: value }),
        `${name} is ${value}`,
      );
  });

  it.each([[undefined], [null], [7], ["schema"]])("the options %s", (options) => {
    expectUsage(() => call(BatchStore, "create", options), "options are missing; expected at least a schema");
  });

  it.each([[undefined], [null], [{}], ["schema"], [{ fields: 3 }]])("the schema %s", (schema) => {
    expectUsage(
      () => call(BatchStore, "create", { schema }),
      /schema is .*; expected an Arrow schema with a list of fields/,
    );
  });

  it("a type that there is not, and says which field has it", () => {
    const fields = [{ name: "odd", nullable: true, type: { typeId: 99 } }];
    expectUsage(() => call(BatchStore, "create", { schema: { fields } }), /field "odd": .*not supported/);
  });

  it("a schema that does not fit into the bytes", () => {
    const fields = Array.from({ length: 2_000 }, (_, i) => new Field(`a column with a long name ${i}`, new Int32()));
    expectUsage(() => create({ schema: new Schema(fields) }), /header and schema alone take \d+; ask for more/);
  });

  it("recommended capacities for anything but a number of bytes", () => {
    for (const bytes of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expectUsage(() => BatchStore.recommendedCapacity(bytes), `memtable bytes is ${bytes}`);
    }
  });

  it("nothing that is within the bounds", () => {
    expect(create({ capacity: 1 }).capacity).toBe(1);
    expect(create({ bytes: 1 }).capacityBytes).toBe(65_536);
    expect(create({ bytes: 65_537 }).capacityBytes).toBe(2 * 65_536);
    expect(create({ bytes: 65_536.5 }).capacityBytes).toBe(2 * 65_536);
    expect(create({ bytes: 65_536 }).capacity).toBe(256);
    const store = BatchStore.create({ schema: pairSchema });
    expect([store.capacityBytes, store.capacity]).toEqual([268_435_456, 1_048_576]);
  });
});

describe("append refuses", () => {
  const nullable = (name: string) => new Field(name, new Int32(), true);
  const two = int32(Int32Array.of(1, 2));
  const pairOf = (schema: Schema, ...children: RecordBatch["data"]["children"]): RecordBatch =>
    batchOf(schema, 2, children);
  const shaped = (children: unknown, numRows: unknown = 2): unknown => ({
    schema: pairSchema,
    numRows,
    data: { children, length: numRows },
  });
  const other = new Schema([new Field("id", new Int64(), false), ...pairSchema.fields.slice(1)]);
  const cases: readonly (readonly [string, unknown, string])[] = [
    ["nothing", undefined, "not an Arrow record batch"],
    ["null", null, "not an Arrow record batch"],
    ["a number", 3, "not an Arrow record batch"],
    ["a list of rows", [{ id: 1, value: 2 }], "not an Arrow record batch"],
    [
      "a table",
      new Table(pairBatch(2)),
      "not an Arrow record batch; expected one of apache-arrow (of a table, append its batches)",
    ],
    ["a vector", pairBatch(2).getChildAt(0), "not an Arrow record batch"],
    ["bytes", new Uint8Array(64), "not an Arrow record batch"],
    ["a schema without data", { schema: pairSchema }, "not an Arrow record batch"],
    [
      "another type",
      pairOf(other, two, two),
      `the batch does not have the store's schema: field "id" is int64; expected int32`,
    ],
    [
      "another name",
      pairOf(new Schema([idField, nullable("worth")].filter((field) => field !== undefined)), two, two),
      `field 1 is named "worth"; expected "value"`,
    ],
    [
      "another order",
      pairOf(new Schema([valueField, idField].filter((field) => field !== undefined)), two, two),
      `field 0 is named "value"; expected "id"`,
    ],
    ["a field too few", pairOf(new Schema(pairSchema.fields.slice(0, 1)), two), `field 1 "value" (int32) is missing`],
    [
      "a field too many",
      pairOf(new Schema([...pairSchema.fields, nullable("more")]), two, two, two),
      `field 2 "more" is not in the store's schema`,
    ],
    ["a schema of no fields", pairOf(new Schema([])), `field 0 "id" (int32) is missing`],
    [
      "a null where none may be",
      pairOf(pairSchema, two, int32(Int32Array.of(1, 2), [1])),
      `column "value" is not nullable, but 1 of its 2 rows are null`,
    ],
    [
      "data of another type",
      pairOf(pairSchema, two, makeData({ type: new Float64(), data: Float64Array.of(1, 2) })),
      `column "value" holds float64 data; expected int32`,
    ],
    [
      "columns of unequal length",
      pairOf(pairSchema, two, int32(Int32Array.of(1))),
      `column "value" is malformed: it has 1 rows, the batch has 2`,
    ],
    ["a column too few", shaped([two]), "the batch holds 1 columns, its schema has 2 fields"],
    ["a column that is missing", shaped([two, undefined]), `column "value" is malformed: it has no data`],
    ["a column that is null", shaped([null, two]), `column "id" is malformed: it has no data`],
    ["a negative number of rows", shaped([two, two], -1), "the batch has -1 rows; expected a whole number"],
    ["half a row", shaped([two, two], 0.5), "the batch has 0.5 rows; expected a whole number"],
    [
      "values that are too few",
      pairOf(pairSchema, two, Object.assign(two.clone(), { values: Int32Array.of(1) })),
      `column "value" is malformed: its values buffer has 4 bytes where 8 are expected`,
    ],
    [
      "values that are missing",
      pairOf(pairSchema, two, Object.assign(two.clone(), { values: undefined })),
      `column "value" is malformed: its values buffer is missing`,
    ],
  ];

  it.each(cases)("%s", (_, batch, message) => {
    const store = storeOf();
    const reader = BatchStore.attach(store.handle());
    const before = publishedBytes(store);
    const snapshot = store.snapshot();
    const good = pairBatch(2, 40);
    for (const action of [
      () => call(store, "append", batch),
      () => call(store, "appendAll", [batch]),
      () => call(store, "appendAll", [good, batch]),
      () => call(store, "appendAll", [good, batch, good]),
    ]) {
      expectUsage(action, message);
      expect(store.snapshot()).toEqual(snapshot);
      expect(reader.snapshot()).toEqual(snapshot);
      expect(publishedBytes(store).equals(before)).toBe(true);
    }
    expect(store.append(good)).toEqual({ position: 1, rowOffset: ROWS, bytes: 16 });
    expect(reader.batches().map(idsOf)).toEqual([
      [0, 1, 2],
      [40, 41],
    ]);
  });

  it.each([[undefined], [null], [{}], ["abc"], [3], [new Table(pairBatch(2))]])(
    "a group that is no array: %s",
    (group) => {
      const store = storeOf();
      expectUsage(
        () => call(store, "appendAll", group),
        "batches is not an array; expected an array of record batches",
      );
      expect(store.append(pairBatch(1))).toMatchObject({ position: 1 });
    },
  );

  it.each([
    [
      "list",
      new List(new Field("item", new Int32())),
      new List(new Field("item", new Int64())),
      "list<int64>; expected list<int32>",
    ],
    [
      "struct",
      new Struct([new Field("a", new Int32())]),
      new Struct([new Field("b", new Int32())]),
      "struct<b: int32>; expected struct<a: int32>",
    ],
    [
      "vector",
      new FixedSizeList(3, new Field("item", new Float32())),
      new FixedSizeList(4, new Field("item", new Float32())),
      "fixed_size_list<float32>[4]; expected fixed_size_list<float32>[3]",
    ],
    [
      "time",
      new Timestamp(TimeUnit.MICROSECOND, "UTC"),
      new Timestamp(TimeUnit.MICROSECOND, null),
      "timestamp[us]; expected timestamp[us, tz=UTC]",
    ],
  ])("another kind of %s", (_, mine, theirs, message) => {
    const schemas = [mine, theirs].map((type) => new Schema([new Field("c", type, true)]));
    const [schema, wrong] = schemas;
    if (schema === undefined || wrong === undefined) throw new Error("no schema");
    const store = BatchStore.create({ schema, bytes: 65_536 });
    expectUsage(() => store.append(seededBatch(wrong, 1, 3)), `field "c" is ${message}`);
    expect(store.append(seededBatch(schema, 1, 3))).toMatchObject({ position: 0 });
  });

  it("a null in a child that is not nullable, by its path", () => {
    const inner = new Struct([new Field("x", new Int32(), false)]);
    const schema = new Schema([new Field("point", inner, false)]);
    const store = BatchStore.create({ schema, bytes: 65_536 });
    const rows = (nulls: number[]) =>
      batchOf(schema, 2, [
        makeData({ type: inner, length: 2, nullCount: 0, children: [int32(Int32Array.of(1, 2), nulls)] }),
      ]);
    expectUsage(() => store.append(rows([0])), `column "point.x" is not nullable, but 1 of its 2 rows are null`);
    expect(store.append(rows([]))).toMatchObject({ position: 0 });
  });

  it("dictionary indices outside of the dictionary, and rows without one", () => {
    const store = BatchStore.create({ schema: colorSchema, bytes: 65_536 });
    store.append(colorBatch(["a", "b"], [0, 1]));
    expectUsage(
      () => store.append(colorBatch(["c"], [0, 1])),
      "a row's index is outside of the dictionary, which has 1 values",
    );
    const [data] = colorBatch(["c"], [0]).data.children;
    if (data === undefined) throw new Error("no data");
    const bare = batchOf(colorSchema, 1, [Object.assign(data.clone(), { dictionary: undefined })]);
    expectUsage(() => store.append(bare), `column "color" has rows but no dictionary`);
    expect(store.append(colorBatch(["a", "b"], [1]))).toMatchObject({ position: 1 });
    expect(store.column("color").dictionary(1)?.toArray()).toEqual(["a", "b"]);
  });

  it("strings whose offsets run past their bytes, or backward", () => {
    const schema = new Schema([new Field("s", new Utf8(), false)]);
    const store = BatchStore.create({ schema, bytes: 65_536 });
    const strings = (valueOffsets: Int32Array) =>
      batchOf(schema, 2, [makeData({ type: new Utf8(), length: 2, valueOffsets, data: new Uint8Array(4) })]);
    expectUsage(
      () => store.append(strings(Int32Array.of(0, 2, 5))),
      "its offsets run from 0 to 5, but there are 4 values",
    );
    expectUsage(() => store.append(strings(Int32Array.of(0, 3, 2))), "its offsets are not in ascending order");
    expectUsage(() => store.append(strings(Int32Array.of(-1, 3, 4))), "its offsets run from -1 to 4");
    expect(store.append(strings(Int32Array.of(0, 3, 4)))).toMatchObject({ position: 0 });
  });

  it("a batch that is larger than the whole store, however empty", () => {
    for (const store of [storeOf(), BatchStore.create({ schema: pairSchema, bytes: 65_536 })]) {
      const { length } = store;
      expectUsage(
        () => store.append(pairBatch(10_000)),
        /the batch needs .*\d+ bytes of arena.*: it can never fit; split it, or create the store with more bytes/,
      );
      expect(store.append(pairBatch(1))).toMatchObject({ position: length });
    }
  });
});

describe("a group that can never fit", () => {
  it("is refused as such: more batches than the store has slots", () => {
    const store = storeOf();
    expectUsage(
      () => store.appendAll(Array.from({ length: 9 }, () => pairBatch(0))),
      "9 batches in one append can never fit: the store holds at most 8",
    );
    expect(store.append(pairBatch(1))).toMatchObject({ position: 1 });
  });

  it("is refused as such: more bytes than the empty store has", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 65_536 });
    const half = pairBatch(4_000);
    expectUsage(() => store.appendAll([half, half]), /the group of batches needs .*it can never fit; split it/);
    expect(store.append(half)).toMatchObject({ position: 0 });
    expect(thrown(() => store.append(half))).toMatchObject({ code: "Full", bound: "bytes" });
  });
});

describe("a full store", () => {
  it("says that batches are the bound, for one and for a group", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 65_536, capacity: 2 });
    store.append(pairBatch(1));
    const before = publishedBytes(store);
    const group = thrown(() => store.appendAll([pairBatch(1), pairBatch(1)]));
    expect(group).toBeInstanceOf(FullError);
    expect(group).toMatchObject({ code: "Full", bound: "batches", retryable: false });
    expect(String(group)).toContain("2 batches do not fit: the store holds 1 of at most 2 batches");
    expect(publishedBytes(store).equals(before)).toBe(true);
    store.append(pairBatch(1));
    const single = thrown(() => store.append(pairBatch(0)));
    expect(single).toMatchObject({ code: "Full", bound: "batches" });
    expect(String(single)).toContain("a batch does not fit: the store holds 2 of at most 2 batches");
    expect(store.length).toBe(2);
  });

  it("says that bytes are the bound", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 65_536 });
    store.append(pairBatch(3_000));
    const error = thrown(() => store.append(pairBatch(5_000)));
    expect(error).toBeInstanceOf(FullError);
    expect(error).toMatchObject({ code: "Full", bound: "bytes" });
    expect(String(error)).toMatch(/the batch needs \d+ bytes of arena, but only \d+ of 65536 are free/);
    expect(store.append(pairBatch(1))).toMatchObject({ position: 1 });
  });
});

describe("a handle", () => {
  it.each([
    [undefined],
    [null],
    [7],
    ["pennon.BatchStore"],
    [{}],
    [{ kind: "pennon.BatchStore" }],
    [{ kind: "pennon.BatchStore", memory: null, generation: 1 }],
    [{ kind: "pennon.BatchStore", memory: new SharedArrayBuffer(65_536) }],
    [{ kind: "other", memory: new SharedArrayBuffer(65_536), generation: 1 }],
  ])("is not %o", (value) => {
    for (const name of ["attach", "attachWriter"]) {
      expectUsage(
        () => call(BatchStore, name, value),
        "not a store's handle; expected the result of BatchStore.handle()",
      );
    }
  });

  it.each([
    ["unshared memory", new ArrayBuffer(65_536), "an arena needs shared memory"],
    ["unshared WebAssembly memory", new WebAssembly.Memory({ initial: 1 }), "an arena needs shared memory"],
    ["a plain object", { buffer: 1 }, "an arena needs shared memory"],
    ["memory of no store", new SharedArrayBuffer(65_536), "holds no batch store"],
    [
      "memory that is too small",
      new SharedArrayBuffer(64),
      "an arena is whole pages of 65536 bytes; the shared memory has 64",
    ],
    ["memory of an odd size", new SharedArrayBuffer(65_539), "an arena is whole pages of 65536 bytes"],
    ["memory of no size", new SharedArrayBuffer(0), "an arena is whole pages of 65536 bytes"],
  ])("with %s is refused", (_, memory, message) => {
    for (const name of ["attach", "attachWriter"]) {
      expectUsage(() => call(BatchStore, name, { kind: "pennon.BatchStore", memory, generation: 1 }), message);
    }
  });

  it("of another layout version is refused, with both versions", () => {
    const store = storeOf();
    const { memory } = store.handle();
    const control = new Int32Array(memory instanceof SharedArrayBuffer ? memory : memory.buffer);
    control[1] = 99;
    expectUsage(
      () => BatchStore.attach(store.handle()),
      "the store has layout version 99, this copy of pennon reads 2",
    );
    expect(store.readers).toBe(0);
  });

  it("is plain data", () => {
    const store = storeOf();
    const copy = structuredClone(store.handle());
    expect(Object.keys(copy)).toEqual(["kind", "memory", "generation"]);
    expect(BatchStore.attach(copy).length).toBe(1);
  });
});

describe("a closed handle", () => {
  it.each([
    ["the writer's", (store: BatchStore) => store],
    ["a reader's", (store: BatchStore) => BatchStore.attach(store.handle())],
  ])("refuses everything: %s", async (_, handleOf) => {
    const store = storeOf();
    const other = BatchStore.attach(store.handle());
    const closing = handleOf(store);
    const kept = closing.get(0);
    const column = closing.column("id");
    const following = closing.follow();
    closing.close();
    closing.close();
    expect(closing.closed).toBe(true);
    expect(closing.writable).toBe(false);
    const actions: readonly (() => unknown)[] = [
      () => closing.append(pairBatch(1)),
      () => closing.appendAll([]),
      () => closing.finish(),
      () => closing.recycle(),
      () => closing.handle(),
      () => closing.length,
      () => closing.isEmpty,
      () => closing.isFull,
      () => closing.remaining,
      () => closing.remainingBytes,
      () => closing.lastPosition,
      () => closing.totalRows,
      () => closing.totalBytes,
      () => closing.snapshot(),
      () => closing.finished,
      () => closing.durable,
      () => closing.pending,
      () => closing.pendingCount,
      () => closing.isDurable,
      () => closing.advanceDurable(1),
      () => closing.get(0),
      () => closing.recordBatch(0),
      () => closing.iterate(),
      () => [...closing],
      () => closing.storedBatches(),
      () => closing.batches(),
      () => closing.positions(),
      () => closing.isVisible(0, 1),
      () => closing.ipcParts(),
      () => column.values(0),
      () => kept?.recordBatch,
      () => closing.waitForLengthSync(1),
    ];
    for (const action of actions) {
      const error = thrown(action);
      expect([String(action), error instanceof ClosedError]).toEqual([String(action), true]);
      expect(error).toMatchObject({ code: "Closed" });
    }
    await expect(closing.waitForLength(1)).rejects.toThrow(ClosedError);
    await expect(following.next()).rejects.toThrow(ClosedError);
    expect(other.length).toBe(1);
    expect(other.durable).toBe(0);
    expect(word(other, "READERS")).toBe(1);
  });

  it("is closed at the end of its scope", () => {
    const store = storeOf();
    const reader = BatchStore.attach(store.handle());
    reader[Symbol.dispose]();
    expect(reader.closed).toBe(true);
    expect(store.readers).toBe(0);
  });
});

describe("a finished store", () => {
  it("refuses to append, and is read as before", () => {
    const store = storeOf();
    const reader = BatchStore.attach(store.handle());
    store.finish();
    store.finish();
    for (const action of [() => store.append(pairBatch(1)), () => store.appendAll([pairBatch(1)])]) {
      const error = thrown(action);
      expect(error).toBeInstanceOf(ClosedError);
      expect(String(error)).toContain("the store is finished: nothing can be appended any more");
    }
    expect([store.finished, reader.finished]).toEqual([true, true]);
    expect(reader.batches().map(idsOf)).toEqual([[0, 1, 2]]);
    store.advanceDurable(1);
    expect(store.isDurable).toBe(true);
    store.close();
    const next = BatchStore.attachWriter(reader.handle());
    expect(thrown(() => next.append(pairBatch(1)))).toBeInstanceOf(ClosedError);
  });
});

it("errors of any column leave the next append as if they had not been", () => {
  const store = BatchStore.create({ schema: mixedSchema, bytes: 1 << 20 });
  const fresh = BatchStore.create({ schema: mixedSchema, bytes: 1 << 20 });
  mixedSchema.fields.forEach((_, broken) => {
    const batch = seededBatch(mixedSchema, broken, 60);
    const children = batch.data.children.map((child, i) => (i === broken ? child.slice(0, 59) : child));
    expectUsage(() => store.append(batchOf(mixedSchema, 60, children)), "it has 59 rows, the batch has 60");
    const next = seededBatch(mixedSchema, 100 + broken, 1 + 7 * broken);
    expect(store.append(next)).toEqual(fresh.append(next));
    expect(publishedBytes(store).equals(publishedBytes(fresh))).toBe(true);
  });
});
