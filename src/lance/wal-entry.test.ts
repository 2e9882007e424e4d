import { Field, Int64, Message, type RecordBatch, Schema, tableFromIPC, Utf8 } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pairBatch, pairSchema } from "../../test/batches.js";
import { walk } from "../../test/ipc-walk.js";
import { rowsOf } from "../../test/plain-model.js";
import { UsageError } from "../errors.js";
import { crc32 } from "./crc32.js";
import { entryOf, storeOf, WRITER } from "./entry.fixture.js";
import { COUNTER_BOUNDS, EntryHeader, type EntryOptions, encodeSentinel } from "./wal-entry.js";

const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const options: EntryOptions = { sequence: 1, crc32: 2, durable: true, counters: new Map() };

/** The metadata of a schema message, as apache-arrow reads them. */
function metadataOf(message: Uint8Array): Record<string, string> {
  const decoded = Message.decode(message.slice(8));
  if (!decoded.isSchema()) throw new Error("no schema message");
  return Object.fromEntries(decoded.header().metadata);
}

describe("the schema message of an entry", () => {
  it("says who wrote it, when, and how far the application's counters are", () => {
    const header = new EntryHeader(schema, WRITER);
    const counters = new Map([
      ["rows", 2n ** 63n - 1n],
      ["bytes of the source", 255n],
    ]);
    const metadata = metadataOf(header.bytes({ sequence: 2 ** 40 + 17, crc32: 0, durable: false, counters }));
    expect(metadata).toEqual({
      "pennon:writer": WRITER.writerId,
      "pennon:sequence": "0000010000000011",
      "pennon:crc32": expect.stringMatching(/^[0-9a-f]{8}$/),
      "pennon:unsynced": "1",
      "pennon:counter:rows": "7fffffffffffffff",
      "pennon:counter:bytes of the source": "00000000000000ff",
      writer_epoch: "7",
    });
    // Metadata that lost its end is no entry's: the key that every reader asks for comes last.
    expect(Object.keys(metadata).at(-1)).toBe("writer_epoch");
    expect(metadataOf(header.bytes({ ...options, durable: false }))).toHaveProperty("pennon:unsynced");
    expect(metadataOf(header.bytes(options))).toEqual({
      "pennon:writer": WRITER.writerId,
      "pennon:sequence": "0000000000000001",
      "pennon:crc32": expect.any(String),
      writer_epoch: "7",
    });
  });

  it("is a multiple of 64 bytes, of one length for all entries with the same counters, and fresh memory each time", () => {
    const header = new EntryHeader(schema, WRITER);
    const first = header.bytes(options);
    const before = first.slice();
    const later = header.bytes({ ...options, sequence: 2 ** 53 - 1, crc32: 0xffffffff });
    expect(first.length % 64).toBe(0);
    expect(later.length).toBe(first.length);
    expect(first).toEqual(before);
    expect(later).not.toEqual(first);
  });

  it("is covered by its own checksum, continued from that of the batches", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), fc.maxSafeNat(), (ofBatches, sequence) => {
        const message = new EntryHeader(schema, WRITER).bytes({ ...options, sequence, crc32: ofBatches });
        const { "pennon:crc32": digits = "" } = metadataOf(message);
        const at = Buffer.from(message).indexOf(digits);
        message.fill(48, at, at + 8);
        expect(digits).toBe(crc32([message], ofBatches).toString(16).padStart(8, "0"));
      }),
    );
  });

  it("has the columns' metadata and none of the schema's: a key of the table must not be taken for one of the log", () => {
    const marked = new Schema(
      [new Field("id", new Int64(), false, new Map([["unit", "m"]]))],
      new Map([["fence_sentinel", "true"]]),
    );
    const message = new EntryHeader(marked, WRITER).bytes(options);
    expect(metadataOf(message)).not.toHaveProperty("fence_sentinel");
    const decoded = Message.decode(message.slice(8));
    const fields: readonly Field[] = decoded.isSchema() ? decoded.header().fields : [];
    expect(fields[0]?.metadata).toEqual(new Map([["unit", "m"]]));
  });

  it("refuses numbers that do not fit", () => {
    const header = new EntryHeader(schema, WRITER);
    const refused = (change: Partial<EntryOptions>): void => {
      expect(() => header.bytes({ ...options, ...change })).toThrow(UsageError);
      expect(metadataOf(header.bytes(options))["pennon:sequence"]).toBe("0000000000000001");
    };
    for (const sequence of [-1, 0.5, 2 ** 53, Number.NaN]) refused({ sequence });
    for (const checksum of [-1, 0.5, 2 ** 32, Number.NaN]) refused({ crc32: checksum });
    for (const value of [-1n, 2n ** 63n]) refused({ counters: new Map([["a", value]]) });
    refused({ counters: new Map([["a", Number("1") as unknown as bigint]]) });
    refused({ counters: new Map([["a".repeat(COUNTER_BOUNDS.nameLength + 1), 1n]]) });
    refused({ counters: new Map([["\ud800", 1n]]) });
    expect(() => header.bytes({ ...options, counters: new Map([["\ud800", 1n]]) })).toThrow("well-formed");
    refused({ counters: new Map(Array.from({ length: COUNTER_BOUNDS.counters + 1 }, (_, i) => [`c${i}`, 1n])) });
    for (const writerEpoch of [0, -1, 1.5, 2 ** 53]) {
      expect(() => new EntryHeader(schema, { ...WRITER, writerEpoch })).toThrow(UsageError);
      expect(() => encodeSentinel(writerEpoch)).toThrow(UsageError);
    }
    for (const writerId of ["", "A".repeat(32), "0".repeat(31)]) {
      expect(() => new EntryHeader(schema, { ...WRITER, writerId })).toThrow(UsageError);
    }
  });
});

describe("an entry", () => {
  it("is an Arrow stream of the arena's own messages", () => {
    using store = storeOf(pairSchema, [pairBatch(3), pairBatch(2, 10), pairBatch(4, 20)]);
    const entry = entryOf(store, { from: 1 });
    const table = tableFromIPC(entry);
    expect(table.batches.map((batch: RecordBatch) => rowsOf(batch))).toEqual([
      rowsOf(pairBatch(2, 10)),
      rowsOf(pairBatch(4, 20)),
    ]);
    const [first] = walk(entry);
    const inArena = store.ipcParts(1)[1] ?? new Uint8Array();
    expect(first?.start).toBe(entry.length - 8 - inArena.length);
    expect(entry.subarray(first?.start, -8).equals(inArena)).toBe(true);
  });
});

describe("a fence sentinel", () => {
  it("is a stream without columns and rows", () => {
    const bytes = encodeSentinel(12);
    const table = tableFromIPC(bytes);
    expect(table.schema.fields).toEqual([]);
    expect(table.numRows).toBe(0);
    expect(Object.fromEntries(table.schema.metadata)).toEqual({
      fence_sentinel: "true",
      "pennon:sequence": "0000000000000000",
      "pennon:crc32": expect.stringMatching(/^[0-9a-f]{8}$/),
      writer_epoch: "12",
    });
    expect(walk(bytes)).toEqual([]);
  });
});
