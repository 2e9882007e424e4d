import { Field, Int64, makeData, RecordBatch, Schema, Struct, Utf8, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import type { RecordBatchLike } from "../arrow/shape.js";
import { FullError, StorageError, TooLargeError } from "../errors.js";
import { dropShadowed } from "./shadow.js";
import { type KeyedSsTable, SsTableKeys, type SsTableKeyView } from "./ss-table-keys.js";

const field = new Field("id", new Int64(), false);
const table = { schema: new Schema([field]), primaryKey: ["id"] };
const MANY = 2 ** 30;
const SMALL = 2 ** 18;

function keyData(ids: readonly number[]) {
  return makeData({ type: field.type, data: BigInt64Array.from(ids, BigInt), nullCount: 0 });
}

function batchOf(ids: readonly number[]): RecordBatchLike {
  const type = new Struct([field]);
  return new RecordBatch(table.schema, makeData({ type, length: ids.length, nullCount: 0, children: [keyData(ids)] }));
}

/** An SSTable with these keys, of which batches of 1,000 are read; counts how often. */
function ssTable(generation: number, ids: readonly number[], fails?: Error) {
  const read = { times: 0 };
  async function* scan(): AsyncGenerator<RecordBatchLike, void> {
    read.times++;
    for (let start = 0; start < ids.length; start += 1_000) {
      yield batchOf(ids.slice(start, start + 1_000));
      if (fails !== undefined && read.times === 1) throw fails;
    }
  }
  const keyed: KeyedSsTable = {
    generation,
    directory: `gen ${generation}`,
    dataset: { rows: ids.length, rowBytes: 8, scan },
  };
  return { keyed, read };
}

/** Which of these keys are not in an SSTable newer than number `place`. */
function unhidden(view: SsTableKeyView, place: number, ids: readonly number[]): number[] {
  const live = Uint32Array.from(ids, (_, i) => i);
  const left = dropShadowed(view.shadows(place), [keyData(ids)], live, ids.length);
  return Array.from(live.subarray(0, left), (row) => ids[row] ?? -1);
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe("the keys of SSTables", () => {
  it("hide a key from older SSTables only, and say where its newest row lies", async () => {
    const keys = new SsTableKeys(table, MANY);
    const tables = [ssTable(1, [1, 2, 3]), ssTable(2, [2, 4]), ssTable(5, [3, 5])].map(({ keyed }) => keyed);
    const view = await keys.view(tables);
    expect(unhidden(view, -1, [0, 1, 2, 3, 4, 5])).toEqual([0]);
    expect(unhidden(view, 0, [1, 2, 3])).toEqual([1]);
    expect(unhidden(view, 1, [2, 4, 3])).toEqual([2, 4]);
    expect(unhidden(view, 2, [3, 5])).toEqual([3, 5]);
    expect(view.locate([keyData([3, 2, 1, 9])])).toEqual([
      { ssTable: 2, offset: 0 },
      { ssTable: 1, offset: 0 },
      { ssTable: 0, offset: 0 },
      undefined,
    ]);
  });

  it("are read once, and serve snapshots of more, of fewer and of later SSTables", async () => {
    const keys = new SsTableKeys(table, MANY);
    const tables = [ssTable(1, [1, 2]), ssTable(2, [2, 3]), ssTable(3, [3, 4])];
    const keyed = tables.map((one) => one.keyed);
    const first = await keys.view(keyed.slice(0, 2));
    const all = await keys.view(keyed);
    const later = await keys.view(keyed.slice(1));
    expect(tables.map(({ read }) => read.times)).toEqual([1, 1, 1]);
    // A view has neither what came later nor what was merged before it.
    expect(unhidden(first, -1, [1, 2, 3, 4])).toEqual([4]);
    expect(unhidden(all, -1, [1, 2, 3, 4])).toEqual([]);
    expect(unhidden(later, -1, [1, 2, 3, 4])).toEqual([1]);
    expect(later.locate([keyData([1, 2, 4])])).toEqual([
      undefined,
      { ssTable: 0, offset: 0 },
      { ssTable: 1, offset: 1 },
    ]);
    // One that begins with an older one is made anew.
    expect(unhidden(await keys.view(keyed.slice(0, 1)), -1, [1, 2, 3])).toEqual([3]);
    expect(tables.map(({ read }) => read.times)).toEqual([2, 1, 1]);
    const replaced = ssTable(1, [7]).keyed;
    const other = await keys.view([{ ...replaced, directory: "another" }]);
    expect(unhidden(other, -1, [1, 2, 7])).toEqual([1, 2]);
  });

  it("fill several segments, of which old ones are dropped", async () => {
    const keys = new SsTableKeys(table, 8 * SMALL, SMALL);
    const tables = [
      ssTable(1, range(0, 60_000)),
      ssTable(2, range(50_000, 110_000)),
      ssTable(3, range(100_000, 101_000)),
    ];
    const keyed = tables.map((one) => one.keyed);
    const view = await keys.view(keyed);
    const { bytes } = keys;
    expect(bytes).toBeGreaterThan(2 * SMALL);
    expect(unhidden(view, -1, range(0, 110_001))).toEqual([110_000]);
    expect(unhidden(view, 0, range(0, 60_000)).join()).toBe(range(0, 50_000).join());
    const others = [...range(50_000, 100_000), ...range(101_000, 110_000)];
    expect(unhidden(view, 1, range(50_000, 110_000)).join()).toBe(others.join());
    expect(view.locate([keyData([0, 59_999, 109_999, 100_500])])).toEqual([
      { ssTable: 0, offset: 0 },
      { ssTable: 1, offset: 9_999 },
      { ssTable: 1, offset: 59_999 },
      { ssTable: 2, offset: 500 },
    ]);
    await keys.view(keyed.slice(2));
    expect(keys.bytes).toBe(SMALL);
    expect(unhidden(view, -1, range(0, 110_001))).toEqual([110_000]);
    const full = new SsTableKeys(table, 2 * SMALL, SMALL);
    await expect(full.view(keyed)).rejects.toThrow(FullError);
    expect(await full.viewForLookup(keyed, 1_000)).toBeUndefined();
  });

  it("are right after a reading that failed", async () => {
    const keys = new SsTableKeys(table, MANY);
    const [one, two] = [ssTable(1, range(0, 10)), ssTable(2, range(5, 2_000), new StorageError("torn"))];
    await expect(keys.view([one.keyed, two.keyed])).rejects.toThrow("torn");
    const view = await keys.view([one.keyed, two.keyed]);
    expect(one.read.times).toBe(1);
    expect(unhidden(view, 0, range(0, 10))).toEqual(range(0, 5));
    expect(view.locate([keyData([4, 5, 1_999])])).toEqual([
      { ssTable: 0, offset: 4 },
      { ssTable: 1, offset: 0 },
      { ssTable: 1, offset: 1_994 },
    ]);
  });

  it("are not read for a few lookups", async () => {
    const keys = new SsTableKeys(table, MANY);
    const { keyed, read } = ssTable(1, range(0, 10_000));
    expect(await keys.viewForLookup([keyed], 1)).toBeUndefined();
    expect(await keys.viewForLookup([keyed], 2)).toBeUndefined();
    expect(read.times).toBe(0);
    expect(await keys.viewForLookup([keyed], 1)).toBeDefined();
    expect(await keys.viewForLookup([keyed], 1)).toBeDefined();
    expect(read.times).toBe(1);
  });

  it("are cut where a batch of them does not fit, and refused where one does not", async () => {
    const texts = new Field("id", new Utf8(), false);
    const schema = new Schema([texts]);
    const scanOf = (values: readonly string[]) =>
      async function* (): AsyncGenerator<RecordBatchLike, void> {
        const [data] = vectorFromArray(values, texts.type).data;
        if (data === undefined) throw new Error("no data");
        const type = new Struct([texts]);
        yield new RecordBatch(schema, makeData({ type, length: values.length, nullCount: 0, children: [data] }));
      };
    const long = (length: number) => Array.from({ length: 5 }, (_, i) => String(i).repeat(length));
    const dataset = (length: number) => ({ rows: 5, rowBytes: length, scan: scanOf(long(length)) });
    const keys = new SsTableKeys({ schema, primaryKey: ["id"] }, MANY, SMALL);
    const view = await keys.view([{ generation: 1, directory: "a", dataset: dataset(100_000) }]);
    const [asked] = vectorFromArray([...long(100_000), "x"], texts.type).data;
    if (asked === undefined) throw new Error("no data");
    expect(view.locate([asked]).map((place) => place?.offset)).toEqual([0, 1, 2, 3, 4, undefined]);
    await expect(keys.view([{ generation: 1, directory: "b", dataset: dataset(3_000_000) }])).rejects.toThrow(
      TooLargeError,
    );
  });
});
