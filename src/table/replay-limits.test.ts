import { Dictionary, Field, Int32, Int64, List, Schema, Utf8 } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { replayLimits, writerConfig } from "./replay-limits.js";

describe("replayLimits", () => {
  it("stays below LanceDB's defaults when nothing is set", () => {
    const defaults = { maxLogRows: 95_000, maxLogBatches: 7_600, maxLogBytes: 255_013_683 };
    expect(replayLimits()).toEqual(defaults);
    expect(replayLimits({ max_wal_flush_interval_ms: "1" })).toEqual(defaults);
  });

  it("stays below what is set", () => {
    const config = { max_memtable_rows: "1000", max_memtable_batches: "+100", max_memtable_size: "10000" };
    expect(replayLimits(config)).toEqual({ maxLogRows: 950, maxLogBatches: 95, maxLogBytes: 9_500 });
  });

  it.each(["", "1e6", "1_000", "-1", " 5", "0x10", "99999999999999999999"])(
    "takes %j, which LanceDB cannot read, for its default",
    (max_memtable_rows) => {
      expect(replayLimits({ max_memtable_rows }).maxLogRows).toBe(95_000);
    },
  );

  it("takes numbers past 2^53 for as much as there can be", () => {
    const { maxLogRows } = replayLimits({ max_memtable_rows: String(2n ** 64n - 1n) });
    expect(maxLogRows).toBeGreaterThan(8e15);
    expect(Number.isSafeInteger(maxLogRows)).toBe(true);
  });
});

describe("writerConfig", () => {
  const plain = new Schema([new Field("id", new Int64(), false)]);

  it("bounds no bytes where dictionaries are counted for every batch, but our log is bounded all the same", () => {
    const words = new List(new Field("word", new Dictionary(new Utf8(), new Int32()), true));
    const schema = new Schema([new Field("id", new Int64(), false), new Field("words", words, true)]);
    const config = writerConfig({ maintainsIndexes: false, schema });
    expect(Number(config["max_memtable_size"])).toBe(2 ** 40);
    expect(Number(config["max_unflushed_memtable_bytes"])).toBe(2 ** 42);
    expect(replayLimits(config)).toEqual(replayLimits(writerConfig({ maintainsIndexes: false, schema: plain })));
  });

  it("leaves room for millions of rows, and for fewer when indexes reserve memory for each", () => {
    expect(replayLimits(writerConfig({ maintainsIndexes: false, schema: plain })).maxLogRows).toBe(19_000_000);
    expect(replayLimits(writerConfig({ maintainsIndexes: true, schema: plain })).maxLogRows).toBe(950_000);
    const { max_memtable_size, max_unflushed_memtable_bytes } = writerConfig({ maintainsIndexes: true, schema: plain });
    // LanceDB's writer refuses to open otherwise; 542 bytes for each row and vector index.
    expect(Number(max_memtable_size) + 10 * 542 * 1e6).toBeLessThan(Number(max_unflushed_memtable_bytes));
  });
});
