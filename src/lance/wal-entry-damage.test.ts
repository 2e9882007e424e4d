/**
 * Damaged entries. One of ours is refused whatever happened to it. One of another writer, which has no checksum, is refused or read as
 * something that a store takes in or refuses in words; nothing else is ever thrown, nothing hangs, nothing is read that is not there.
 */
import {
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Int8,
  Int64,
  List,
  type RecordBatch,
  Schema,
  Utf8,
} from "apache-arrow";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { arbitraryBatchOf, arbitrarySchema, buildBatch } from "../../test/arrow-arbitrary.js";
import { DataBuilder, Random } from "../../test/arrow-random-data.js";
import { rowsOf } from "../../test/plain-model.js";
import { CorruptError, FullError, UsageError } from "../errors.js";
import { BatchStore } from "../store/batch-store.js";
import { apacheEntryOf, entryOf, plainEntryOf, storeOf, withTombstone } from "./entry.fixture.js";
import { encodeSentinel } from "./wal-entry.js";
import { inspectEntry, readEntry } from "./wal-entry-reader.js";

// Thousands of entries are read: allow for a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const key = "wal/1000.arrow";
const schema = withTombstone(
  new Schema([
    new Field("id", new Int64(), false),
    new Field("vector", new FixedSizeList(2, new Field("item", new Float32(), true)), true),
    new Field("tags", new List(new Field("item", new Dictionary(new Utf8(), new Int8(), 0), true)), true),
  ]),
);
const batches: readonly RecordBatch[] = [1, 3].map((rows, seed) =>
  buildBatch(schema, rows, new DataBuilder(new Random(seed), { plain: true })),
);
const store = storeOf(schema, batches);
const ours = entryOf(store, { durable: false, counters: new Map([["rows", 12n]]) });
const foreign = { "arena's layout": plainEntryOf(store), "apache-arrow's layout": apacheEntryOf(schema, batches) };
const target = BatchStore.create({ schema, bytes: 1024 * 1024, prefault: false });

/** "corrupt", "usage" when a store refuses what was read, or "read". */
function outcome(
  bytes: Uint8Array,
  expected: Schema = schema,
  into: BatchStore = target,
): "corrupt" | "usage" | "read" {
  try {
    const entry = readEntry(bytes, { key, schema: expected });
    into.recycle();
    into.appendAll(entry.batches);
    if (entry.rows > 8 * bytes.length * Math.max(1, entry.batches.length)) throw new Error(`${entry.rows} rows`);
    return "read";
  } catch (error) {
    if (error instanceof CorruptError) {
      // Not by `expect`, which is slow: this runs many thousand times.
      const named = /^wal\/1000\.arrow: bytes \d+ to \d+: /.test(error.message);
      if (named) return "corrupt";
      throw new Error("the error names no file and bytes", { cause: error });
    }
    // A damaged batch may also state more than the store has room for.
    if (error instanceof UsageError || error instanceof FullError) return "usage";
    throw error;
  }
}

/** What is wrong with the entry, as far as can be told without its table. */
function damage(bytes: Uint8Array): string {
  try {
    return inspectEntry(bytes, key).damage ?? "none";
  } catch (error) {
    if (error instanceof CorruptError) return error.message;
    throw error;
  }
}

/** `bytes` with byte `at` changed, back again when disposed of. */
function changed(bytes: Uint8Array, at: number, bits: number): Disposable {
  const before = bytes[at] ?? 0;
  bytes[at] = before ^ bits;
  return {
    [Symbol.dispose]: () => {
      bytes[at] = before;
    },
  };
}

afterEach(() => {
  // What was accepted before is still known, and what was damaged has left nothing behind.
  expect(readEntry(ours, { key, schema }).batches.map(rowsOf)).toEqual(batches.map(rowsOf));
});

describe("an entry of ours", () => {
  it("is refused with any one bit flipped", () => {
    for (const entry of [ours, encodeSentinel(3)]) {
      const bytes = Buffer.from(entry);
      expect(outcome(bytes)).toBe("read");
      for (let at = 0; at < bytes.length; at++) {
        for (let bit = 1; bit < 256; bit <<= 1) {
          using _ = changed(bytes, at, bit);
          if (outcome(bytes) !== "corrupt") expect.fail(`bit ${bit} of byte ${at} makes no difference`);
        }
      }
    }
  });

  it("is seen to be damaged without its table", () => {
    for (const entry of [ours, encodeSentinel(3)]) {
      const bytes = Buffer.from(entry);
      for (let at = 0; at < bytes.length; at++) {
        using _ = changed(bytes, at, 1 << (at % 8));
        expect(damage(bytes)).not.toBe("none");
      }
    }
    for (let length = 0; length < ours.length; length += 3) expect(damage(ours.subarray(0, length))).not.toBe("none");
  });

  it("is refused with any 32-bit word changed", () => {
    const bytes = Buffer.from(ours);
    fc.assert(
      fc.property(fc.nat(ours.length / 4 - 1), fc.nat(2 ** 32 - 1), (word, value) => {
        const before = bytes.readUInt32LE(4 * word);
        fc.pre(before !== value);
        bytes.writeUInt32LE(value, 4 * word);
        const found = outcome(bytes);
        bytes.writeUInt32LE(before, 4 * word);
        expect(found).toBe("corrupt");
      }),
      { numRuns: 1000 },
    );
  });

  it("is refused when cut anywhere, also where zeros stand for what is missing", () => {
    for (let length = 0; length < ours.length; length++) {
      expect(outcome(ours.subarray(0, length))).toBe("corrupt");
      // The last bytes of the marker are zeros themselves.
      if (length > ours.length - 5) continue;
      expect(outcome(Buffer.concat([ours.subarray(0, length), Buffer.alloc(ours.length - length)]))).toBe("corrupt");
    }
  });

  it("is refused with bytes put in, left out or moved", () => {
    const place = fc.nat(ours.length);
    fc.assert(
      fc.property(place, place, fc.uint8Array({ maxLength: 80 }), (a, b, bytes) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const mangled = Buffer.concat([ours.subarray(0, from), bytes, ours.subarray(to)]);
        fc.pre(!mangled.equals(ours) && !mangled.subarray(0, ours.length).equals(ours));
        expect(outcome(mangled)).toBe("corrupt");
        const moved = Buffer.concat([ours.subarray(0, from), ours.subarray(to), ours.subarray(from, to)]);
        if (!moved.equals(ours)) expect(outcome(moved)).toBe("corrupt");
      }),
      { numRuns: 500 },
    );
  });
});

describe.each(Object.entries(foreign))("an entry of another writer in %s", (_, entry) => {
  it("does no harm with one bit flipped, in every byte", () => {
    const bytes = Buffer.from(entry);
    const seen = new Map<string, number>();
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [at, at + 3, at + 5]) {
        using _ = changed(bytes, at, 1 << (bit % 8));
        const found = outcome(bytes);
        seen.set(found, (seen.get(found) ?? 0) + 1);
        if (bit === at) damage(bytes);
      }
    }
    expect([...seen.keys()].sort()).toEqual(["corrupt", "read", "usage"]);
  });

  it("does no harm with any word set to a number that is likely to be trusted", () => {
    const bytes = Buffer.from(entry);
    const numbers = [0, 1, 8, entry.length, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 8, 2 ** 32 - 1];
    for (let word = 0; word < bytes.length >> 2; word++) {
      const before = bytes.readUInt32LE(4 * word);
      for (const number of [...numbers, before + 8, Math.max(0, before - 8)]) {
        bytes.writeUInt32LE(number >>> 0, 4 * word);
        outcome(bytes);
      }
      bytes.writeUInt32LE(before, 4 * word);
    }
  });

  it("does no harm with bytes put in, left out or moved, or cut", () => {
    const place = fc.nat(entry.length);
    fc.assert(
      fc.property(place, place, fc.uint8Array({ maxLength: 80 }), (a, b, bytes) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        outcome(Buffer.concat([entry.subarray(0, from), bytes, entry.subarray(to)]));
        outcome(Buffer.concat([entry.subarray(0, from), entry.subarray(to), entry.subarray(from, to)]));
        outcome(entry.subarray(0, from));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("an entry of any schema", () => {
  it("does no harm with some bytes changed", () => {
    const cases = arbitrarySchema({ minColumns: 1, maxColumns: 3, maxDepth: 2 }).chain((columns) => {
      const any = withTombstone(columns);
      return fc.record({
        any: fc.constant(any),
        batches: fc.array(arbitraryBatchOf(any, { plain: true, maxRows: 10 }), { minLength: 1, maxLength: 2 }),
        changes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
        apache: fc.boolean(),
      });
    });
    fc.assert(
      fc.property(cases, ({ any, batches, changes, apache }) => {
        using source = storeOf(any, batches, 1024 * 1024);
        const bytes = apache ? apacheEntryOf(any, batches) : plainEntryOf(source);
        for (const [at, bits] of changes) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ bits;
        using into = storeOf(any, [], 1024 * 1024);
        outcome(bytes, any, into);
      }),
      { numRuns: 150 },
    );
  });
});
