import { type DataType, Field, Int32, Int64, Schema, Utf8 } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { buildBatch } from "../../test/arrow-arbitrary.js";
import { DataBuilder, Random } from "../../test/arrow-random-data.js";
import { valuesOf } from "../../test/plain-model.js";
import { CorruptError } from "../errors.js";
import { BatchStore } from "../store/batch-store.js";
import { compileBatchPlan } from "./batch-plan.js";
import { type BatchPlace, WireColumns, WireReader } from "./wire-reader.js";

const schema = new Schema([
  new Field("id", new Int64(), false),
  new Field("n", new Int32(), true),
  new Field("text", new Utf8(), true),
]);
const rows = 20;
const batch = buildBatch(schema, rows, new DataBuilder(new Random(4), { plain: true }));
const store = BatchStore.create({ schema, bytes: 1024 * 1024, prefault: false });
store.append(batch);
if (valuesOf(batch.data.children[1] ?? batch.data).every((value) => value !== null)) throw new Error("no nulls in n");
const plan = compileBatchPlan(store.schema);
const { template } = plan;
const columns = WireColumns.ofBatch(plan);

/** The message in plain memory, at `address`, and where its parts are. */
function placed(address = 0): { u32: Uint32Array; place: BatchPlace } {
  const message = store.ipcParts()[1] ?? new Uint8Array();
  const bytes = new Uint8Array(address + message.length);
  bytes.set(message, address);
  const u32 = new Uint32Array(bytes.buffer);
  const first = address / 4;
  const place = {
    nodesWord: first + template.nodesWord,
    nodeCount: template.nodeCount,
    buffersWord: first + template.buffersWord,
    bufferCount: template.bufferCount,
    body: address + template.bytes.length,
    bodyBytes: message.length - template.bytes.length,
    rows,
  };
  return { u32, place };
}

const read = (u32: Uint32Array, place: BatchPlace, of = columns): unknown[][] => {
  const reader = new WireReader(u32, plan).place(of, place);
  return of.columns.map((column) => valuesOf(column.read(reader)));
};

const expected = batch.data.children.map(valuesOf);

describe("WireReader", () => {
  it.each([0, 8, 64])("reads a batch in place at address %i", (address) => {
    const { u32, place } = placed(address);
    expect(read(u32, place)).toEqual(expected);
    const reader = new WireReader(u32, plan).place(columns, place);
    expect(plan.columns.map((column) => column.read(reader).values.buffer === u32.buffer)).toEqual([true, true, true]);
  });

  it("copies a buffer that its type cannot be read from where it lies", () => {
    const { u32, place } = placed();
    const body = new Uint8Array(u32.buffer, place.body);
    for (const shift of [4, 2, 1]) {
      const shifted = new Uint8Array(u32.byteLength + 8);
      shifted.set(new Uint8Array(u32.buffer));
      shifted.copyWithin(place.body + shift, place.body, place.body + body.length);
      expect(read(new Uint32Array(shifted.buffer), { ...place, body: place.body + shift })).toEqual(expected);
    }
  });

  it("reads all columns but the last", () => {
    const { u32, place } = placed();
    const [, , text] = plan.columns;
    const fewer = { ...place, nodeCount: text?.node ?? 0, bufferCount: text?.firstBuffer ?? 0 };
    expect(read(u32, fewer, WireColumns.ofBatch(plan, true))).toEqual(expected.slice(0, -1));
    expect(() => read(u32, place, WireColumns.ofBatch(plan, true))).toThrow(CorruptError);
  });

  it("takes −1 for a number of nulls that is to be counted", () => {
    const { u32, place } = placed();
    const word = place.nodesWord + 4 * (plan.columns[1]?.node ?? 0) + 2;
    u32.fill(0xffffffff, word, word + 2);
    expect(read(u32, place)).toEqual(expected);
  });

  const node = (name: string, part: number) => (place: BatchPlace) => place.nodesWord + 4 * column(name).node + part;
  const buffer = (name: string, index: number, part: number) => (place: BatchPlace) =>
    place.buffersWord + 4 * (column(name).firstBuffer + index) + part;

  function column(name: string): { type: DataType; node: number; firstBuffer: number } {
    const found = plan.columns.find(({ path }) => path === name);
    if (found === undefined) throw new Error(name);
    return found;
  }

  it.each([
    ["a node of other rows", node("n", 0), rows + 1, '"n" has 21 rows'],
    ["a node of 2^32 rows more", node("n", 1), 1, "states"],
    ["more nulls than rows", node("n", 2), rows + 1, "states"],
    ["a negative number of nulls", node("n", 3), 0xffffffff, "states"],
    ["a bitmap too short for its rows", buffer("n", 0, 2), 2, "bitmap of 2 bytes"],
    ["nulls without a bitmap", buffer("n", 0, 2), 0, "bitmap of 0 bytes"],
    ["a buffer behind the body", buffer("text", 2, 0), 1 << 20, "outside of its body"],
    ["a buffer longer than the body", buffer("id", 1, 2), 1 << 20, "outside of its body"],
    ["a buffer of 2^32 bytes more", buffer("id", 1, 3), 1, "outside of its body"],
  ])("refuses %s", (_, word, value, words) => {
    const { u32, place } = placed();
    u32[word(place)] = value;
    expect(() => read(u32, place)).toThrow(CorruptError);
    expect(() => read(u32, place)).toThrow(words);
  });

  it("refuses buffers that lie over one another, which could ask for any amount of memory", () => {
    const { u32, place } = placed();
    for (let index = 0; index < place.bufferCount; index++) {
      u32[place.buffersWord + 4 * index] = 0;
      u32[place.buffersWord + 4 * index + 2] = place.bodyBytes;
    }
    expect(() => read(u32, place)).toThrow("or over another");
  });

  it("refuses more rows than the body has bits, other numbers of nodes and of buffers", () => {
    const { u32, place } = placed();
    const refused = (change: Partial<BatchPlace>): (() => unknown) => {
      return () => read(u32, { ...place, ...change });
    };
    expect(refused({ rows: 8 * place.bodyBytes + 1 })).toThrow("more than its body");
    expect(refused({ rows: 2 ** 31, bodyBytes: 2 ** 30 })).toThrow("more than its body");
    expect(refused({ nodeCount: place.nodeCount - 1 })).toThrow("its schema asks for");
    expect(refused({ bufferCount: place.bufferCount + 1 })).toThrow("its schema asks for");
    expect(refused({})).not.toThrow();
  });
});
