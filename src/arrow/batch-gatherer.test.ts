import { type Data, Field, Int64, makeData, type RecordBatch, Schema, Utf8, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { BatchGatherer } from "./batch-gatherer.js";

const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);

function columns(first: number, rows: number): Data[] {
  const ids = makeData({ type: new Int64(), data: BigInt64Array.from({ length: rows }, (_, i) => BigInt(first + i)) });
  const [texts] = vectorFromArray(
    Array.from({ length: rows }, (_, i) => (i % 3 === 0 ? null : `row ${first + i}`)),
    new Utf8(),
  ).data;
  if (texts === undefined) throw new Error("no data");
  return [ids, texts];
}

const ids = (batches: readonly RecordBatch[]) =>
  batches.flatMap((batch) => [...(batch.getChild("id") ?? [])].map(Number));
const sizes = (batches: readonly RecordBatch[]) => batches.map(({ numRows }) => numRows);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe("gathering batches", () => {
  it("joins small ones, in order, and keeps to the size asked for", () => {
    const gatherer = new BatchGatherer(schema, undefined, { batchRows: 7, copy: false });
    const made: RecordBatch[] = [];
    for (let i = 0; i < 10; i++) made.push(...gatherer.add(columns(3 * i, 3), 3));
    made.push(...gatherer.flush());
    expect(sizes(made)).toEqual([7, 7, 7, 7, 2]);
    expect(ids(made)).toEqual(range(0, 30));
    expect(made.flatMap((batch) => [...(batch.getChild("text") ?? [])]).slice(0, 4)).toEqual([
      null,
      "row 1",
      "row 2",
      null,
    ]);
    expect([...gatherer.flush()]).toEqual([]);
  });

  it("hands large ones on as they lie, cut to size, behind what came before", () => {
    const gatherer = new BatchGatherer(schema, undefined, { batchRows: 2_000, copy: false });
    const large = columns(10, 5_000);
    const made = [...gatherer.add(columns(0, 10), 10), ...gatherer.add(large, 5_000), ...gatherer.flush()];
    expect(sizes(made)).toEqual([10, 2_000, 2_000, 1_000]);
    expect(ids(made)).toEqual(range(0, 5_010));
    expect(made[2]?.data.children[0]?.values.buffer).toBe(large[0]?.values.buffer);
  });

  it("copies large ones too when asked to", () => {
    const gatherer = new BatchGatherer(schema, undefined, { batchRows: 65_536, copy: true });
    const large = columns(0, 20_000);
    const some = Uint32Array.from(range(0, 9_000), (i) => 2 * i);
    const made = [...gatherer.add(large, 20_000), ...gatherer.add(large, 20_000, some), ...gatherer.flush()];
    expect(ids(made)).toEqual([...range(0, 20_000), ...some]);
    for (const batch of made) {
      for (const [i, data] of batch.data.children.entries())
        expect(data.values.buffer).not.toBe(large[i]?.values.buffer);
    }
  });

  it("takes the rows that are named, many and few", () => {
    const gatherer = new BatchGatherer(schema, ["id"], { batchRows: 4_000, copy: false });
    const [id] = columns(0, 10_000);
    if (id === undefined) throw new Error("a column expected");
    const many = Uint32Array.from(range(0, 5_000), (i) => 2 * i);
    const made = [
      ...gatherer.add([id], 10_000, Uint32Array.of(3, 9_999)),
      ...gatherer.add([id], 10_000, many.subarray(0, 3_000)),
      ...gatherer.add([id], 10_000, many),
      ...gatherer.flush(),
    ];
    expect(ids(made)).toEqual([3, 9_999, ...many.subarray(0, 3_000), ...many]);
    expect(Math.max(...sizes(made))).toBeLessThanOrEqual(4_000);
    expect(made[0]?.schema.fields.map(({ name }) => name)).toEqual(["id"]);
  });

  it("makes batches without columns", () => {
    const gatherer = new BatchGatherer(schema, [], { batchRows: 100, copy: false });
    expect(
      sizes([
        ...gatherer.add([], 40),
        ...gatherer.add([], 300),
        ...gatherer.add([], 30, Uint32Array.of(1)),
        ...gatherer.flush(),
      ]),
    ).toEqual([40, 100, 100, 100, 1]);
  });

  it("refuses names that are not the schema's", () => {
    const options = { batchRows: 10, copy: false };
    expect(() => new BatchGatherer(schema, ["nope"], options)).toThrow(UsageError);
    expect(() => new BatchGatherer(schema, ["id", "id"], options)).toThrow("twice");
  });
});
