import {
  Binary,
  type DataType,
  Dictionary,
  Field,
  Float64,
  Int8,
  Int32,
  List,
  type RecordBatch,
  Schema,
  Struct,
  Uint64,
  Utf8,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { rowsOf } from "../../../../test/plain-model.js";
import { emptyStore, messageBytes } from "../../../../test/stores.js";
import { FullError } from "../../../errors.js";
import { RowBuilder } from "../row-builder.js";

function builderOf(values: DataType, indices: DataType = new Int32()): RowBuilder {
  const type: DataType = Reflect.construct(Dictionary, [values, indices]);
  return new RowBuilder(new Schema([new Field("v", type, true)]));
}

function dictionaryOf(batch: RecordBatch): { length: number } | undefined {
  return batch.data.children[0]?.dictionary;
}

function put(builder: RowBuilder, ...values: unknown[]): RecordBatch {
  for (const v of values) builder.append({ v });
  return builder.finish();
}

describe("a dictionary", () => {
  it.each<[string, DataType, readonly unknown[], number]>([
    ["texts", new Utf8(), ["a", "b", "a", "", "a", null], 3],
    ["numbers, both zeros told apart", new Float64(), [0, -0, Number.NaN, Number.NaN, 0], 3],
    ["bytes", new Binary(), [Uint8Array.of(1), Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(0)], 3],
    ["lists", new List(new Field("item", new Utf8(), true)), [["a", "b"], ["a,b"], ["a", "b"], [null], []], 4],
    ["structs", new Struct([new Field("x", new Int32(), true)]), [{ x: 1 }, { x: null }, {}, { x: 1 }], 2],
  ])("of %s holds each value once", (_, type, values, distinct) => {
    const batch = put(builderOf(type), ...values);
    expect(dictionaryOf(batch)?.length).toBe(distinct);
    const plain = put(new RowBuilder(new Schema([new Field("v", type, true)])), ...values);
    expect(rowsOf(batch)).toEqual(rowsOf(plain));
  });

  it("is the same object while no value is new, and a store lays it out once", () => {
    const builder = builderOf(new Utf8(), new Uint64());
    const [first, second, third] = [put(builder, "a", "b"), put(builder, "b"), put(builder, "c", "a")];
    expect(dictionaryOf(second)).toBe(dictionaryOf(first));
    expect(dictionaryOf(third)).not.toBe(dictionaryOf(first));
    expect(rowsOf(third)).toEqual([["c"], ["a"]]);

    const store = emptyStore(first.schema);
    store.append(first);
    const before = messageBytes(store).length;
    store.append(second);
    expect(messageBytes(store).length - before).toBe(store.get(1)?.arenaBytes);
    store.append(third);
    expect([...store].flatMap(({ recordBatch }) => rowsOf(recordBatch))).toEqual([["a"], ["b"], ["b"], ["c"], ["a"]]);
    store.close();
  });

  it("is given up when it grows beyond a few values for each row", () => {
    const builder = builderOf(new Utf8());
    const sizes = Array.from({ length: 200 }, (_, i) => dictionaryOf(put(builder, `value ${i}`))?.length ?? 0);
    expect(Math.max(...sizes)).toBe(69);
    expect(sizes[69]).toBe(1);
    // One that no longer grows is kept, however small the batches are.
    put(builder, ...Array.from({ length: 100 }, (_, i) => `kept ${i}`));
    expect(dictionaryOf(put(builder, "kept 5"))).toBe(dictionaryOf(put(builder, "kept 7")));
  });

  it("without a value serves rows that are all null", () => {
    const batch = put(builderOf(new Utf8()), null, null);
    expect(rowsOf(batch)).toEqual([[null], [null]]);
    const store = emptyStore(batch.schema);
    store.append(batch);
    expect(rowsOf(store.get(0)?.recordBatch ?? batch)).toEqual([[null], [null]]);
    store.close();
  });

  it("has as many values as its indices tell apart; then the batch has to be finished", () => {
    const builder = builderOf(new Int32(), new Int8());
    for (let i = 0; i < 128; i++) builder.append({ v: i });
    builder.append({ v: 5 });
    expect(() => builder.append({ v: 128 })).toThrow(FullError);
    builder.append({ v: 127 });
    expect(builder.rows).toBe(130);
    expect(rowsOf(builder.finish()).slice(126)).toEqual([[126], [127], [5], [127]]);
    expect(rowsOf(put(builder, 128))).toEqual([[128]]);
  });

  it("leaves at least half of the indices to the next batch", () => {
    const builder = builderOf(new Int32(), new Int8());
    const numbers = Array.from({ length: 200 }, (_, i) => i);
    put(builder, ...numbers.slice(0, 65));
    expect(rowsOf(put(builder, ...numbers.slice(65, 165))).flat()).toEqual(numbers.slice(65, 165));
  });

  it("is not carried over into a batch that needs all its indices", () => {
    const list = new List(new Field("item", Reflect.construct(Dictionary, [new Int32(), new Int8()]), true));
    const builder = new RowBuilder(new Schema([new Field("v", list, true)]));
    put(builder, [-1, -2]);
    const many = Array.from({ length: 128 }, (_, i) => i);
    expect(() => builder.append({ v: many })).toThrow(FullError);
    builder.finish();
    expect(rowsOf(put(builder, many))).toEqual([[many]]);
  });

  it("forgets values that only rows taken back had", () => {
    const builder = builderOf(new Utf8());
    builder.append({ v: "a" });
    const mark = builder.mark();
    builder.append({ v: "b" });
    builder.append({ v: "a" });
    builder.rollback(mark);
    const batch = put(builder, "c");
    expect(rowsOf(batch)).toEqual([["a"], ["c"]]);
    expect(dictionaryOf(batch)?.length).toBe(2);
    expect(rowsOf(put(builder, "b", "c"))).toEqual([["b"], ["c"]]);
  });
});
