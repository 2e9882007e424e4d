import {
  type Data,
  Dictionary,
  Field,
  Float64,
  Int8,
  Int32,
  Int64,
  LargeUtf8,
  makeData,
  type RecordBatch,
  Schema,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryBatchOf, arbitrarySchema, batchOf } from "../../test/arrow-arbitrary.js";
import { mixedSchema, pairBatch, pairSchema, seededBatch } from "../../test/batches.js";
import { rowsOf } from "../../test/plain-model.js";
import { CorruptError } from "../errors.js";
import {
  apacheEntryOf,
  entryOf,
  plainEntryOf,
  resealed,
  storeOf,
  tombstoned,
  WRITER,
  withTombstone,
} from "./entry.fixture.js";
import { encodeSentinel } from "./wal-entry.js";
import { inspectEntry, readEntry, type WalEntry } from "./wal-entry-reader.js";

const key = "wal/1000.arrow";
const pairs = withTombstone(pairSchema);
const pair = (rows: number, first = 0, deleted: readonly number[] = []): RecordBatch =>
  tombstoned(pairs, pairBatch(rows, first), deleted);

/** Batches of an arbitrary schema with the column of tombstones behind its own. */
function arbitraryCase(
  options: { readonly plain?: boolean } = {},
): fc.Arbitrary<{ schema: Schema; batches: RecordBatch[] }> {
  return arbitrarySchema({ maxColumns: 5 }).chain((schema) => {
    const storage = withTombstone(schema);
    return fc.record({
      schema: fc.constant(storage),
      batches: fc.array(arbitraryBatchOf(storage, options), { maxLength: 4 }),
    });
  });
}

const rows = (entry: WalEntry): unknown[] => entry.batches.map(rowsOf);

/** Expects the entry to be refused, in words that match. */
function expectCorrupt(bytes: Uint8Array, schema: Schema, ...words: (string | RegExp)[]): void {
  const read = (): unknown => readEntry(bytes, { key, schema });
  expect(read).toThrow(CorruptError);
  expect(read).toThrow(/^wal\/1000\.arrow: bytes \d+ to \d+: /);
  for (const word of words) expect(read).toThrow(word);
}

describe("an entry of ours", () => {
  it("is read as it was written, and laid out again it is the same bytes", () => {
    const options = fc.record({
      sequence: fc.maxSafeNat(),
      durable: fc.boolean(),
      counters: fc.dictionary(fc.string(), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), { maxKeys: 3 }),
    });
    fc.assert(
      fc.property(arbitraryCase(), options, fc.nat(4), ({ schema, batches }, { sequence, durable, counters }, from) => {
        using store = storeOf(schema, batches);
        const bytes = entryOf(store, { from, sequence, durable, counters: new Map(Object.entries(counters)) });
        const entry = readEntry(bytes, { key, schema });
        const expected = batches.slice(from);
        expect(rows(entry)).toEqual(expected.map(rowsOf));
        expect(entry.rows).toBe(expected.reduce((sum, batch) => sum + batch.numRows, 0));
        expect(entry.writerEpoch).toBe(WRITER.writerEpoch);
        expect(entry.sentinel).toBe(false);
        expect(entry.own).toEqual({
          writerId: WRITER.writerId,
          sequence,
          durable,
          counters: new Map(Object.entries(counters)),
        });
        using again = storeOf(schema, entry.batches);
        using alone = storeOf(schema, expected);
        expect(Buffer.concat(again.ipcParts()).equals(Buffer.concat(alone.ipcParts()))).toBe(true);
        expect(inspectEntry(bytes, key)).toMatchObject({
          writerEpoch: WRITER.writerEpoch,
          own: entry.own,
          batches: expected.length,
          rows: entry.rows,
          checksum: "ok",
          damage: undefined,
        });
      }),
      { numRuns: 60 },
    );
  });

  it("is read in place, wherever it lies", () => {
    using store = storeOf(pairs, [pair(5)]);
    const entry = entryOf(store);
    for (const offset of [0, 8, 24]) {
      const bytes = new Uint8Array(new ArrayBuffer(entry.length + 64), offset, entry.length);
      bytes.set(entry);
      const [batch] = readEntry(bytes, { key, schema: pairs }).batches;
      expect(batch?.data.children.map((child: Data) => child.values.buffer === bytes.buffer)).toEqual([
        true,
        true,
        true,
      ]);
    }
    for (const offset of [1, 4, 7]) {
      const bytes = new Uint8Array(new ArrayBuffer(entry.length + 64), offset, entry.length);
      bytes.set(entry);
      expect(rows(readEntry(bytes, { key, schema: pairs }))).toEqual([rowsOf(pair(5))]);
    }
  });

  it("is told from others of other epochs, writers, counters, in any order", () => {
    using store = storeOf(pairs, [pair(1)]);
    const kinds = [
      { writerEpoch: 8 },
      { writerEpoch: 9 },
      { writerEpoch: 10 },
      { writerId: "f".repeat(32) },
      { durable: false },
      { counters: new Map([["a", 1n]]) },
      { counters: new Map([["b", 1n]]) },
      { counters: new Map([["b", 2n ** 40n]]), sequence: 2 ** 50 },
    ];
    const entries = kinds.map((kind) => entryOf(store, kind));
    fc.assert(
      fc.property(fc.array(fc.nat(kinds.length - 1), { minLength: 1, maxLength: 20 }), (order) => {
        for (const i of order) {
          const { writerEpoch, own } = readEntry(entries[i] ?? Buffer.of(), { key, schema: pairs });
          const expected = { ...WRITER, sequence: 1, durable: true, counters: new Map(), ...kinds[i] };
          expect({ writerEpoch, ...own }).toEqual(expected);
        }
      }),
    );
  });

  it("may be without batches, and hold batches without rows", () => {
    using empty = storeOf(pairs, []);
    expect(readEntry(entryOf(empty), { key, schema: pairs })).toMatchObject({ batches: [], rows: 0 });
    using store = storeOf(pairs, [pair(0), pair(2), pair(0)]);
    expect(rows(readEntry(entryOf(store), { key, schema: pairs }))).toEqual([[], rowsOf(pair(2)), []]);
  });

  it("may have zeros behind it, and nothing else", () => {
    using store = storeOf(pairs, [pair(3)]);
    const entry = entryOf(store);
    for (const zeros of [1, 7, 8, 64, 4096]) {
      const longer = Buffer.concat([entry, Buffer.alloc(zeros)]);
      expect(rows(readEntry(longer, { key, schema: pairs }))).toEqual([rowsOf(pair(3))]);
      longer[longer.length - 1] = 1;
      expectCorrupt(longer, pairs);
    }
    expectCorrupt(Buffer.concat([entry, entry]), pairs);
  });

  it("must have the columns of the table", () => {
    const columns = (...fields: Field[]): Schema => withTombstone(new Schema(fields));
    using store = storeOf(pairs, [pair(3)]);
    const entry = entryOf(store);
    readEntry(entry, { key, schema: pairs });
    const [id, value] = [new Field("id", new Int32(), false), new Field("value", new Int32(), false)];
    expectCorrupt(entry, columns(id), /field 1 is named "value"; expected "_tombstone"/);
    expectCorrupt(entry, columns(value, id), /field 0 is named "id"; expected "value"/);
    expectCorrupt(
      entry,
      columns(id, new Field("value", new Float64(), true)),
      /field "value" is int32; expected float64/,
    );
    expectCorrupt(entry, columns(id, value, new Field("x", new Utf8(), true)), /expected "x"|"x".*missing/);
    const nullable = columns(id, new Field("value", new Int32(), true));
    expect(rows(readEntry(entry, { key, schema: nullable }))).toEqual([rowsOf(pair(3))]);
  });

  it("says what is wrong with it, and where", () => {
    using store = storeOf(pairs, [pair(3), pair(4)]);
    const entry = entryOf(store);
    const [header, first] = [8 + entry.readUInt32LE(4), entry.length - 8 - 2 * 448];
    expect(header).toBe(first);
    const cut = (length: number): Buffer => entry.subarray(0, length);
    expectCorrupt(cut(0), pairs, "bytes 0 to 0: the file is empty");
    expectCorrupt(cut(6), pairs, "bytes 0 to 6: the file is cut off in its schema message");
    expectCorrupt(cut(100), pairs, `bytes 0 to 100: the schema message ends at byte ${header}, behind the end`);
    expectCorrupt(cut(header + 100), pairs, `bytes ${header} to ${header + 100}: the file is cut off`);
    const altered = Buffer.from(entry);
    altered[header + 440] = 1;
    expectCorrupt(altered, pairs, `bytes 0 to ${entry.length}: they do not agree with their checksum`);
    expectCorrupt(Buffer.from("not an entry"), pairs, /starts with the word 20746f6e; expected ffffffff/);
    // With a checksum that is right, what is wrong is found all the same.
    altered.writeUInt32LE(5, header + 448 + 18 * 4);
    expectCorrupt(resealed(altered), pairs, `bytes ${header + 448} to ${header + 896}: column "id" has 4 rows`);
  });

  it("is refused when some of its keys are gone", () => {
    using store = storeOf(pairs, [pair(1)]);
    const own = { "pennon:writer": WRITER.writerId, "pennon:sequence": "0".repeat(16), "pennon:crc32": "0".repeat(8) };
    for (const missing of Object.keys(own)) {
      const metadata = Object.fromEntries(Object.entries({ ...own, writer_epoch: "1" }).filter(([k]) => k !== missing));
      expectCorrupt(plainEntryOf(store, metadata), pairs, "lacks some of");
    }
    expectCorrupt(plainEntryOf(store, own), pairs, "writer_epoch");
    expectCorrupt(plainEntryOf(store, { ...own, writer_epoch: "1" }), pairs, "checksum");
    expectCorrupt(plainEntryOf(store, { ...own, "pennon:crc32": "123", writer_epoch: "1" }), pairs, "8 hex digits");
  });
});

describe("metadata of an entry of ours", () => {
  const own = { "pennon:writer": WRITER.writerId, "pennon:sequence": "0".repeat(16), "pennon:crc32": "0".repeat(8) };
  const withKeys = (keys: Readonly<Record<string, string>>): Buffer => {
    using store = storeOf(pairs, [pair(1)]);
    return resealed(plainEntryOf(store, { ...own, ...keys, writer_epoch: "1" }));
  };

  it("hold numbers that numbers can be read from, in lower-case hex digits", () => {
    const good = withKeys({ "pennon:counter:a": `7${"f".repeat(15)}`, "pennon:sequence": `001${"f".repeat(13)}` });
    const { own } = readEntry(good, { key, schema: pairs });
    expect(own).toMatchObject({ sequence: 2 ** 53 - 1, counters: new Map([["a", 2n ** 63n - 1n]]) });
    expectCorrupt(withKeys({ "pennon:counter:a": `8${"0".repeat(15)}` }), pairs, "pennon:counter:a is larger than");
    expectCorrupt(withKeys({ "pennon:counter:a": "1" }), pairs, "pennon:counter:a has 1 bytes");
    expectCorrupt(withKeys({ "pennon:counter:a": "A".repeat(16) }), pairs, "hex digits");
    expectCorrupt(withKeys({ "pennon:sequence": `002${"0".repeat(13)}` }), pairs, "pennon:sequence is larger than");
    expectCorrupt(withKeys({ "pennon:writer": "g".repeat(32) }), pairs, "hex digits");
    const zeros = withKeys({ "pennon:counter:": "0".repeat(16), "pennon:other": "x" });
    expect(readEntry(zeros, { key, schema: pairs }).own?.counters).toEqual(new Map([["", 0n]]));
  });

  it("have every key once", () => {
    const entry = withKeys({ "pennon:counter:a": "0".repeat(16), "pennon:counter:b": "0".repeat(16) });
    entry[entry.indexOf("pennon:counter:b") + 15] = 97;
    expectCorrupt(resealed(entry), pairs, "the key pennon:counter:a twice");
  });
});

describe("an entry of another writer", () => {
  it("is read, however its messages are laid out", () => {
    fc.assert(
      fc.property(arbitraryCase({ plain: true }), ({ schema, batches }) => {
        const expected = batches.map(rowsOf);
        const bytes = apacheEntryOf(schema, batches);
        const entry = readEntry(bytes, { key, schema });
        expect(rows(entry)).toEqual(expected);
        expect(entry).toMatchObject({ writerEpoch: 3, sentinel: false, own: undefined });
        using again = storeOf(schema, entry.batches);
        expect(again.batches().map(rowsOf)).toEqual(expected);
        using store = storeOf(schema, batches);
        expect(rows(readEntry(plainEntryOf(store), { key, schema }))).toEqual(expected);
        expect(inspectEntry(bytes, key)).toMatchObject({
          batches: batches.length,
          checksum: "absent",
          damage: undefined,
        });
      }),
      { numRuns: 60 },
    );
  });

  it("may lack the end-of-stream marker, but not a byte of a message", () => {
    const entry = apacheEntryOf(pairs, [pair(3), pair(4)]);
    const whole = entry.length - 8;
    const lengths = new Set<number>();
    for (let length = 0; length < entry.length; length++) {
      try {
        lengths.add(length);
        const read = readEntry(entry.subarray(0, length), { key, schema: pairs });
        expect([0, 1, 2]).toContain(read.batches.length);
        if (length === whole) expect(read.rows).toBe(7);
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptError);
        lengths.delete(length);
      }
    }
    // The whole, and cut behind its schema or behind its first batch, which nobody could tell from an entry of its own.
    expect([...lengths]).toHaveLength(3);
    expect([...lengths].at(-1)).toBe(whole);
  });

  it("may have zeros behind its end, and nothing else", () => {
    const entry = apacheEntryOf(pairs, [pair(3)]);
    expect(rows(readEntry(Buffer.concat([entry, Buffer.alloc(100)]), { key, schema: pairs }))).toEqual([
      rowsOf(pair(3)),
    ]);
    expectCorrupt(Buffer.concat([entry, Buffer.alloc(100), Buffer.of(1)]), pairs, "bytes follow the end of the stream");
  });

  it("has messages that are multiples of 8 bytes", () => {
    using store = storeOf(pairs, [pair(3), pair(4)]);
    const entry = plainEntryOf(store);
    const header = 8 + entry.readUInt32LE(4);
    entry.writeUInt32LE(entry.readUInt32LE(header + 48) + 4, header + 48);
    const longer = Buffer.concat([entry.subarray(0, header + 448), Buffer.alloc(4), entry.subarray(header + 448)]);
    expectCorrupt(longer, pairs, `ends at byte ${header + 452}; expected a multiple of 8`);
  });

  it("has no tombstones where it lacks the column", () => {
    const entry = apacheEntryOf(pairSchema, [pairBatch(3), pairBatch(11, 50)]);
    const read = readEntry(entry, { key, schema: pairs });
    expect(rows(read)).toEqual([pair(3), pair(11, 50)].map(rowsOf));
    using store = storeOf(pairs, read.batches);
    expect(store.totalRows).toBe(14);
  });

  it("is refused with columns that are not the table's", () => {
    const entry = (...fields: Field[]): Buffer => apacheEntryOf(new Schema(fields), []);
    const [id, value, tombstone] = pairs.fields;
    if (!id || !value || !tombstone) throw new Error("three columns");
    expectCorrupt(entry(id), pairs, /"value".*missing/);
    expectCorrupt(entry(value, id, tombstone), pairs, 'expected "id"');
    expectCorrupt(entry(id, new Field("x", new Int32()), value, tombstone), pairs, '"x"');
    expectCorrupt(entry(id, value, tombstone, new Field("x", new Int32())), pairs, '"x"');
    expectCorrupt(entry(id, new Field("value", new Int64()), tombstone), pairs, '"value" is int64; expected int32');
    const text = (type: Utf8 | LargeUtf8 | Dictionary): Schema => withTombstone(new Schema([new Field("text", type)]));
    const encoded = new Dictionary(new Utf8(), new Int32(), 0);
    expectCorrupt(apacheEntryOf(text(new Utf8()), []), text(encoded), '"text" is utf8; expected dictionary');
    expectCorrupt(apacheEntryOf(text(encoded), []), text(new Utf8()), '"text" is dictionary');
    expectCorrupt(apacheEntryOf(text(new LargeUtf8()), []), text(new Utf8()), '"text" is large_utf8');
    const narrow = new Dictionary(new Utf8(), new Int8(), 0);
    expectCorrupt(apacheEntryOf(text(narrow), []), text(encoded), "indices=int8");
  });

  it("is refused without an epoch, or with one that is no number", () => {
    for (const epoch of ["", "x", "-1", "1.5", " 1", "9007199254740992", "99999999999999999999"]) {
      expectCorrupt(apacheEntryOf(pairs, [], { writer_epoch: epoch }), pairs, "writer_epoch");
    }
    expectCorrupt(apacheEntryOf(pairs, [], {}), pairs, "writer_epoch");
    const { writerEpoch } = readEntry(apacheEntryOf(pairs, [], { writer_epoch: "0", other: "x" }), {
      key,
      schema: pairs,
    });
    expect(writerEpoch).toBe(0);
  });
});

describe("dictionaries of another writer", () => {
  // One object for each id: apache-arrow wants columns that share a dictionary to share its type.
  const types = new Map([0, 4, 17].map((id) => [id, new Dictionary(new Utf8(), new Int32(), id)]));
  const type = (id: number): Dictionary => types.get(id) ?? new Dictionary(new Utf8(), new Int32(), id);
  const words = (...texts: string[]): Vector => vectorFromArray(texts, new Utf8());
  const column = (id: number, indices: number[], dictionary: Vector): Data =>
    makeData({ type: type(id), data: Int32Array.from(indices), nullCount: 0, dictionary });
  const schemaOf = (...ids: number[]): Schema =>
    withTombstone(new Schema(ids.map((id, i) => new Field(`c${i}`, type(id), true))));
  const batch = (schema: Schema, ...columns: Data[]): RecordBatch => {
    const rows = columns[0]?.length ?? 0;
    return tombstoned(schema, batchOf(schema, rows, columns));
  };
  const values = (entry: WalEntry): unknown[] => entry.batches.map((b) => rowsOf(b).map((row) => row.slice(0, -1)));

  it("have ids of their own, and may be shared by columns", () => {
    const schema = schemaOf(17, 17);
    const shared = words("a", "b");
    const entry = apacheEntryOf(schema, [batch(schema, column(17, [0, 1], shared), column(17, [1, 1], shared))]);
    expect(values(readEntry(entry, { key, schema }))).toEqual([
      [
        ["a", "b"],
        ["b", "b"],
      ],
    ]);
  });

  it("are replaced, and grow by deltas", () => {
    const schema = schemaOf(4);
    const one = words("a", "b");
    const grown = new Vector([...one.data, ...words("c").data]);
    const entry = apacheEntryOf(schema, [
      batch(schema, column(4, [1], one)),
      batch(schema, column(4, [2, 0], grown)),
      batch(schema, column(4, [0], words("x"))),
    ]);
    const read = readEntry(entry, { key, schema });
    expect(values(read)).toEqual([[["b"]], [["c"], ["a"]], [["x"]]]);
    using store = storeOf(schema, read.batches);
    expect(store.batches().map(rowsOf)).toEqual(read.batches.map(rowsOf));
    expect(inspectEntry(entry, key)).toMatchObject({ batches: 3, rows: 4, dictionaries: 3 });
  });

  it("must come before the rows that refer to them", () => {
    const schema = schemaOf(0);
    using store = storeOf(schema, [batch(schema, column(0, [0], words("a")))]);
    const parts = store.ipcParts();
    const withoutDictionary = Buffer.concat([
      plainEntryOf(storeOf(schema, [])).subarray(0, -8),
      parts[2] ?? Buffer.of(),
    ]);
    expectCorrupt(withoutDictionary, schema, '"c0" refers to a dictionary');
    expectCorrupt(
      Buffer.concat([plainEntryOf(storeOf(pairs, [])).subarray(0, -8), parts[1] ?? Buffer.of()]),
      pairs,
      "dictionary",
    );
  });
});

describe("a fence sentinel", () => {
  it("is known, whoever wrote it, whatever the table's columns", () => {
    const ours = encodeSentinel(12);
    const theirs = apacheEntryOf(new Schema([]), [], { writer_epoch: "12", fence_sentinel: "true" });
    const wide = apacheEntryOf(pairs, [], { writer_epoch: "12", fence_sentinel: "true" });
    for (const bytes of [ours, theirs, wide]) {
      const expected = { writerEpoch: 12, sentinel: true, own: undefined, rows: 0 };
      expect(readEntry(bytes, { key, schema: mixedSchema })).toEqual({ ...expected, batches: [] });
      const checksum = bytes === ours ? "ok" : "absent";
      expect(inspectEntry(bytes, key)).toEqual({
        ...expected,
        batches: 0,
        dictionaries: 0,
        checksum,
        damage: undefined,
      });
    }
  });

  it("holds no batches", () => {
    const entry = apacheEntryOf(pairs, [pair(1)], { writer_epoch: "12", fence_sentinel: "true" });
    expectCorrupt(entry, pairs, "sentinel");
    expect(inspectEntry(entry, key).damage).toMatch(/sentinel/);
  });
});

describe("inspectEntry", () => {
  const batches = Array.from({ length: 3 }, (_, seed) => seededBatch(mixedSchema, seed, 10 + seed));

  it("tells how far an entry is whole", () => {
    using store = storeOf(mixedSchema, batches);
    const entry = entryOf(store);
    const good = { batches: 3, rows: 33, dictionaries: 0, checksum: "ok", damage: undefined };
    expect(inspectEntry(entry, key)).toMatchObject(good);
    const altered = Buffer.from(entry);
    altered[entry.length - 9 - 64] = 77;
    const wrong = { ...good, checksum: "wrong", damage: expect.stringMatching(/^bytes 0 to \d+: .*checksum/) };
    expect(inspectEntry(altered, key)).toMatchObject(wrong);
    const cut = inspectEntry(entry.subarray(0, -100), key);
    expect(cut).toMatchObject({ checksum: "wrong", damage: expect.stringContaining("cut off") });
    expect(cut.own?.sequence).toBe(1);
  });

  it("throws when it cannot be told who wrote it", () => {
    for (const bytes of [Buffer.of(), Buffer.alloc(7), Buffer.alloc(64), Buffer.from("ARROW1  ".repeat(8))]) {
      expect(() => inspectEntry(bytes, key)).toThrow(CorruptError);
      expect(() => inspectEntry(bytes, key)).toThrow(/^wal\/1000\.arrow: bytes 0 to \d+: /);
    }
  });
});
