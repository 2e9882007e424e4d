import { Data, Dictionary, Field, Int32, List, makeData, type RecordBatch, Schema, Utf8, Vector } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { batchOf } from "../../test/arrow-arbitrary.js";
import { walk } from "../../test/ipc-walk.js";
import { rowsOf } from "../../test/plain-model.js";
import { emptyStore } from "../../test/stores.js";
import { BatchStore } from "../store/batch-store.js";

const text = new Dictionary(new Utf8(), new Int32(), 0);
const schema = new Schema([new Field("a", text, true), new Field("b", text, true)]);

/** The words of `line` as strings. */
function words(line: string): Data<Utf8> {
  const list = line.split(" ");
  let end = 0;
  const valueOffsets = Int32Array.of(0, ...list.map((word) => (end += word.length)));
  return makeData({ type: new Utf8(), length: list.length, valueOffsets, data: Buffer.from(list.join("")) });
}

/** @param chunks none for data without a dictionary */
function encoded(type: Dictionary, chunks: Data[], ...indices: number[]): Data {
  const dictionary = chunks.length === 0 ? undefined : new Vector(chunks);
  return new Data(type, 0, indices.length, 0, { 1: Int32Array.from(indices) }, [], dictionary);
}

/** Rows 0 and 1 of a dictionary for each column. */
function batchWith(a: Data[], b: Data[]): RecordBatch {
  return batchOf(schema, 2, [encoded(text, a, 0, 1), encoded(text, b, 1, 0)]);
}

/** What lies in the stream, in order: ids of dictionaries, "batch" for batches. */
function messagesOf(store: BatchStore): (number | "batch")[] {
  return walk(Buffer.concat(store.ipcParts())).map(({ dictionaryId }) => dictionaryId ?? "batch");
}

describe("dictionary messages", () => {
  it("are laid out before the first batch, then only when a dictionary is another", () => {
    using store = emptyStore(schema);
    const [xy, pq] = [words("x y"), words("p q")];
    store.append(batchWith([xy], [pq]));
    store.append(batchWith([xy], [pq])); // known again by reference
    store.append(batchWith([words("x y")], [words("p q")])); // known again by its bytes
    expect(messagesOf(store)).toEqual([0, 1, "batch", "batch", "batch"]);
    store.append(batchWith([xy], [words("p r")])); // of the same size
    store.append(batchWith([words("x y z")], [words("p r")]));
    expect(messagesOf(store)).toEqual([0, 1, "batch", "batch", "batch", 1, "batch", 0, "batch"]);
    expect(store.batches().map(rowsOf).slice(2)).toEqual([
      [
        ["x", "q"],
        ["y", "p"],
      ],
      [
        ["x", "r"],
        ["y", "p"],
      ],
      [
        ["x", "r"],
        ["y", "p"],
      ],
    ]);
  });

  it("join the chunks of a dictionary that grew, and know it again", () => {
    using store = emptyStore(schema);
    const [xy, z] = [words("x y"), words("z")];
    store.append(batchWith([xy], [xy]));
    const grown = batchOf(schema, 1, [encoded(text, [xy, z], 2), encoded(text, [xy], 0)]);
    store.append(grown);
    store.append(batchOf(schema, 1, [encoded(text, [words("x"), words("y z")], 2), encoded(text, [xy], 0)]));
    expect(messagesOf(store)).toEqual([0, 1, "batch", 0, "batch", "batch"]);
    expect(store.batches({ from: 1 }).flatMap(rowsOf)).toEqual([
      ["z", "x"],
      ["z", "x"],
    ]);
  });

  it("of a failed append are forgotten", () => {
    using store = emptyStore(schema);
    const [xy, pq] = [words("x y"), words("p q")];
    store.append(batchWith([xy], [pq]));
    const broken = batchOf(schema, 1, [encoded(text, [words("long".repeat(40))], 0), encoded(text, [pq], 7)]);
    expect(() => store.append(broken)).toThrow('column "b" is malformed');
    store.append(batchWith([words("x y")], [pq]));
    const unknown = batchOf(schema, 1, [encoded(text, [xy], 2), encoded(text, [pq], 0)]);
    expect(() => store.append(unknown)).toThrow("dictionary, which has 2 values");
    store.append(batchWith([xy], [pq]));
    expect(messagesOf(store)).toEqual([0, 1, "batch", "batch", "batch"]);
    expect(store.recordBatch(2)?.getChildAt(0)?.toArray()).toEqual(["x", "y"]);
  });

  it("in force are taken up by a later writer", () => {
    const first = emptyStore(schema);
    first.append(batchWith([words("x y")], [words("p q")]));
    const handle = first.handle();
    first.close();
    using store = BatchStore.attachWriter(handle, { prefault: false });
    store.append(batchWith([words("x y")], [words("p q")]));
    const empty = batchOf(schema, 0, [encoded(text, []), encoded(text, [])]);
    store.append(empty);
    expect(messagesOf(store)).toEqual([0, 1, "batch", "batch", "batch"]);
    expect(store.recordBatch(1)?.getChildAt(1)?.toArray()).toEqual(["q", "p"]);
  });

  it("of empty dictionaries stand for columns without rows that bring none", () => {
    using store = emptyStore(schema);
    store.append(batchOf(schema, 0, [encoded(text, []), encoded(text, [])]));
    expect(messagesOf(store)).toEqual([0, 1, "batch"]);
    const missing = batchOf(schema, 1, [encoded(text, [], 0), encoded(text, [], 0)]);
    expect(() => store.append(missing)).toThrow('column "a"');
    store.append(batchWith([words("x y")], [words("p q")]));
    expect(store.recordBatch(1)?.getChildAt(0)?.toArray()).toEqual(["x", "y"]);
  });
});

describe("a dictionary within a dictionary", () => {
  const inner = new Dictionary(new Utf8(), new Int32(), 0);
  const list = new List(new Field("item", inner, true));
  const outer = new Dictionary(list, new Int32(), 1);
  const nested = new Schema([new Field("tags", outer, true)]);

  /** One row: the list of all `tags`, encoded twice. */
  function rowWith(tags: string): RecordBatch {
    const values = words(tags);
    const indices = Array.from({ length: values.length }, (_, i) => i);
    const valueOffsets = Int32Array.of(0, values.length);
    const lists = new Data(list, 0, 1, 0, { 0: valueOffsets }, [encoded(inner, [values], ...indices)]);
    return batchOf(nested, 1, [encoded(outer, [lists], 0)]);
  }

  it("comes first, and takes the outer one with it when it is replaced", () => {
    using store = emptyStore(nested);
    for (const tags of ["a b", "a b", "c d", "c d e"]) store.append(rowWith(tags));
    // "c d" leaves the bytes of the outer one as they were: they must be laid out again all the same.
    expect(messagesOf(store)).toEqual([0, 1, "batch", "batch", 0, 1, "batch", 0, 1, "batch"]);
    expect(store.batches().flatMap(rowsOf)).toEqual([[["a", "b"]], [["a", "b"]], [["c", "d"]], [["c", "d", "e"]]]);
  });
});
