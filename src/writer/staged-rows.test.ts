import { beforeEach, describe, expect, it } from "vitest";
import { malformedBatch } from "../../test/simulation/rows.js";
import { StorageRows } from "../arrow/rows/storage-rows.js";
import type { RecordBatchLike } from "../arrow/shape.js";
import { FullError, StorageError, UsageError } from "../errors.js";
import { BatchStore } from "../store/batch-store.js";
import { StagedRows } from "./staged-rows.js";
import { StorageBatches } from "./storage-batch.js";
import { WaitingPut } from "./waiting-put.js";
import { batchOfRows, rowOf, schema, storage } from "./writer.fixture.js";

let staged: StagedRows;
let store: BatchStore;
let appended: (readonly WaitingPut[])[];
let rejected: [readonly WaitingPut[], unknown][];
const batches = new StorageBatches(schema, storage);

const newPut = (): WaitingPut => new WaitingPut("disk", undefined, undefined, () => {});
const sink = {
  append: (batch: RecordBatchLike, puts: readonly WaitingPut[]): void => {
    store.append(batch);
    appended.push(puts);
  },
  reject: (puts: readonly WaitingPut[], reason: unknown): void => void rejected.push([puts, reason]),
};

function stageRow(id: number, count = 1): WaitingPut {
  const put = newPut();
  staged.addRows(put, (builder) => {
    for (let i = 0; i < count; i++) builder.appendRow(rowOf(id + i));
  });
  return put;
}

function stageBatch(first: number, rows: number, wrong = false): WaitingPut {
  const put = newPut();
  staged.addBatch(put, batches.from(wrong ? malformedBatch(first, rows) : batchOfRows(first, rows)), 10 * rows);
  return put;
}

const ids = (): number[] => store.batches().flatMap((batch) => [...(batch.getChildAt(0) ?? [])].map(Number));

beforeEach(() => {
  staged = new StagedRows(storage, new StorageRows(storage, ["id"]));
  store = BatchStore.create({ schema: storage, bytes: 1 << 20, capacity: 100, prefault: false });
  appended = [];
  rejected = [];
});

describe("staged rows", () => {
  it("become one batch, rows and batches in the order they came", () => {
    const puts = [stageRow(0), stageRow(1, 3), stageBatch(4, 2), stageBatch(6, 1), stageRow(7), stageRow(8)];
    expect(staged.rows).toBe(9);
    expect(staged.bytes).toBeGreaterThan(9);
    staged.drain(sink);
    expect(ids()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(appended).toEqual([puts]);
    expect(store.length).toBe(1);
    expect([staged.rows, staged.isEmpty]).toEqual([0, true]);
  });

  it("know about how large they are", () => {
    const put = newPut();
    staged.addRows(put, (builder) => builder.appendRow({ id: 1, text: "x".repeat(5_000) }));
    expect(staged.bytes).toBeGreaterThan(5_000);
    stageBatch(2, 300);
    expect(staged.bytes).toBeGreaterThan(8_000);
    staged.drain(sink);
    expect(staged.bytes).toBeLessThan(100);
  });

  it("make no batch of nothing", () => {
    staged.drain(sink);
    expect([appended, rejected]).toEqual([[], []]);
  });

  it("forget the rows of a put that fails in its midst", () => {
    stageRow(0);
    const encode = (builder: StorageRows): void => {
      builder.appendRow(rowOf(1));
      builder.appendRow({ id: "one", text: "" });
    };
    expect(() => staged.addRows(newPut(), encode)).toThrow(UsageError);
    stageRow(2);
    staged.drain(sink);
    expect(ids()).toEqual([0, 2]);
  });

  it("are appended one by one when one is malformed, which fails alone", () => {
    const good = [stageRow(0), stageRow(1, 2), stageBatch(3, 2)];
    const bad = stageBatch(5, 4, true);
    const late = stageRow(9);
    staged.drain(sink);
    expect(appended).toEqual([...good, late].map((put) => [put]));
    expect(rejected).toEqual([[[bad], expect.any(UsageError)]]);
    expect(ids()).toEqual([0, 1, 2, 3, 4, 9]);
  });

  it("are appended one by one when they do not fit together", () => {
    const free = store.remainingBytes;
    const text = "x".repeat(Math.floor(free * 0.6));
    const [small, large, larger] = [newPut(), newPut(), newPut()];
    staged.addRows(small, (builder) => builder.appendRow({ id: 1, text: "small" }));
    staged.addRows(large, (builder) => builder.appendRow({ id: 2, text }));
    staged.addRows(larger, (builder) => builder.appendRow({ id: 3, text }));
    const last = stageRow(4);
    staged.drain(sink);
    expect(appended).toEqual([[small], [large], [last]]);
    expect(rejected).toEqual([[[larger], expect.any(FullError)]]);
    expect(ids()).toEqual([1, 2, 4]);
  });

  it("fail together for any other reason", () => {
    const puts = [stageRow(0), stageBatch(1, 1)];
    const reason = new StorageError("no");
    staged.drain({
      ...sink,
      append: () => {
        throw reason;
      },
    });
    expect(rejected).toEqual([[puts, reason]]);
  });

  it("name their puts when they are dropped", () => {
    const puts = [stageRow(0), stageBatch(1, 2), stageRow(3)];
    expect(staged.clear()).toEqual(puts);
    expect(staged.isEmpty).toBe(true);
    staged.drain(sink);
    expect(store.length).toBe(0);
  });

  it("refuse a batch whose columns differ in length", () => {
    const put = newPut();
    const batch = batches.from(batchOfRows(0, 3));
    const short = { ...batch, numRows: 2, data: { ...batch.data, length: 2 } };
    staged.addBatch(put, short, 10);
    const other = stageRow(7);
    staged.drain(sink);
    expect(rejected).toEqual([[[put], expect.any(UsageError)]]);
    expect(appended).toEqual([[other]]);
  });
});
