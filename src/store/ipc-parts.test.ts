/** The stored bytes, written out as they lie, are Arrow IPC streams: of all batches, of any range of them, of none. */

import { tableFromIPC as flechetteTable } from "@uwdata/flechette";
import { type RecordBatch, RecordBatchStreamReader, tableFromIPC, Utf8, vectorFromArray } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryBatchOf, arbitrarySchema } from "../../test/arrow-arbitrary.js";
import {
  colorBatch,
  colorSchema,
  mixedSchema,
  pairBatch,
  pairSchema,
  seededBatch,
  wideSchema,
} from "../../test/batches.js";
import { rowsOf } from "../../test/plain-model.js";
import { arenaBuffer, schemaBytes, streamOf } from "./arena.fixture.js";
import { BatchStore } from "./batch-store.js";

const LENGTH = 12;

/** The batches of a stream, each with the dictionaries that were in force when it came. */
function decode(stream: Uint8Array): unknown[][][] {
  const rows: unknown[][][] = [];
  for (const batch of RecordBatchStreamReader.from(stream)) rows.push(rowsOf(batch));
  return rows;
}

/** Of a stream without batches apache-arrow makes one without rows. */
function decoded(batches: readonly RecordBatch[]): unknown[][][] {
  return batches.length === 0 ? [[]] : batches.map(rowsOf);
}

function storeOf(batches: readonly RecordBatch[], schema = wideSchema): BatchStore {
  const store = BatchStore.create({ schema, bytes: 4 << 20 });
  for (const batch of batches) store.append(batch);
  return store;
}

describe("ipcParts", () => {
  const sources = Array.from({ length: LENGTH }, (_, seed) => seededBatch(wideSchema, seed, (seed * 5) % 23));
  const store = storeOf(sources);

  it("of all batches are read by apache-arrow", () => {
    expect(decode(streamOf(store))).toEqual(sources.map(rowsOf));
    const table = tableFromIPC(streamOf(store));
    expect(table.numRows).toBe(store.totalRows);
    expect(table.schema.fields.map((field) => [field.name, String(field.type), field.nullable])).toEqual(
      wideSchema.fields.map((field) => [field.name, String(field.type), field.nullable]),
    );
  });

  it("of every range are a stream of their own", () => {
    for (let from = 0; from <= LENGTH; from++) {
      for (let to = from; to <= LENGTH + 1; to++) {
        expect(decode(streamOf(store, from, to))).toEqual(decoded(sources.slice(from, to)));
      }
    }
  });

  it("of no batch are the schema alone", () => {
    for (const parts of [store.ipcParts(3, 3), store.ipcParts(5, 2), store.ipcParts(99), store.ipcParts(0, 0)]) {
      expect(parts).toHaveLength(2);
      const table = tableFromIPC(Buffer.concat(parts));
      expect([table.numRows, table.numCols]).toEqual([0, wideSchema.fields.length]);
    }
    const empty = BatchStore.create({ schema: pairSchema, bytes: 65_536 });
    expect(tableFromIPC(streamOf(empty)).numRows).toBe(0);
  });

  it("are views on the arena, but for the end-of-stream, and lie there without gaps", () => {
    const parts = store.ipcParts();
    const arena = arenaBuffer(store);
    expect(parts.slice(0, -1).map((part) => part.buffer === arena)).toEqual(parts.slice(0, -1).map(() => true));
    expect(parts.at(-1)).toEqual(Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0));
    expect(parts.map((part) => part.byteLength % 64)).toEqual([...parts.slice(0, -1).map(() => 0), 8]);
    expect(Buffer.from(parts[0] ?? []).equals(schemaBytes(store))).toBe(true);
    parts.at(-1)?.fill(1); // is the caller's own
    expect(store.ipcParts().at(-1)?.[0]).toBe(255);
  });

  it("are the same for a reader, and can be read in place", () => {
    const reader = BatchStore.attach(structuredClone(store.handle()));
    expect(streamOf(reader).equals(streamOf(store))).toBe(true);
    expect(tableFromIPC(reader.ipcParts()).numRows).toBe(store.totalRows);
  });

  it("are read by flechette", () => {
    const batches = Array.from({ length: 8 }, (_, seed) => seededBatch(mixedSchema, seed, 9 + seed));
    const mixed = storeOf(batches, mixedSchema);
    for (const [from, to] of [
      [0, 8],
      [2, 5],
    ] as const) {
      const rows = batches.slice(from, to).flatMap(rowsOf);
      const table = flechetteTable(new Uint8Array(streamOf(mixed, from, to)), { useBigInt: true });
      expect(table.numRows).toBe(rows.length);
      const at = (name: string) => mixedSchema.fields.findIndex((field) => field.name === name);
      for (const name of ["id", "ok", "price", "name", "note"]) {
        expect(Array.from(table.getChild(name))).toEqual(rows.map((row) => row[at(name)]));
      }
      expect(Array.from(table.getChild("tags"), (list) => list && [...list])).toEqual(
        rows.map((row) => row[at("tags")]),
      );
      expect(Array.from(table.getChild("vector"), (list) => list && [...list])).toEqual(
        rows.map((row) => row[at("vector")]),
      );
      expect(Array.from(table.getChild("place"))).toEqual(rows.map((row) => row[at("place")]));
    }
    expect(flechetteTable(new Uint8Array(streamOf(mixed, 3, 3))).numRows).toBe(0);
  });

  it("are read by flechette with a dictionary", () => {
    const dictionary = vectorFromArray(["red", "green", "blue"], new Utf8());
    const colors = storeOf([colorBatch(dictionary, [0, -1, 2]), colorBatch(dictionary, [1, 1])], colorSchema);
    for (const [from, names] of [
      [0, ["red", null, "blue", "green", "green"]],
      [1, ["green", "green"]],
    ] as const) {
      expect(Array.from(flechetteTable(new Uint8Array(streamOf(colors, from))).getChild("color"))).toEqual(names);
    }
  });

  it("are read by flechette with dictionaries that are replaced", () => {
    const colors = storeOf(
      [colorBatch(["a0", "a1"], [1, 0]), colorBatch(["b0"], [0]), colorBatch(["a0"], [0, -1])],
      colorSchema,
    );
    const names = Array.from(flechetteTable(new Uint8Array(streamOf(colors))).getChild("color"));
    expect(names).toEqual(["a1", "a0", "b0", "a0", null]);
  });

  it("bring the dictionaries that were in force at their start, and each change after it", () => {
    const [a, b] = [vectorFromArray(["a0", "a1"], new Utf8()), vectorFromArray(["b0"], new Utf8())];
    const colors = storeOf(
      [colorBatch(a, [0]), colorBatch(a, [1]), colorBatch(b, [0]), colorBatch(b, [0, -1]), colorBatch(a, [1])],
      colorSchema,
    );
    const rows = [[["a0"]], [["a1"]], [["b0"]], [["b0"], [null]], [["a1"]]];
    for (let from = 0; from < 5; from++) expect(decode(streamOf(colors, from))).toEqual(rows.slice(from));
    // A dictionary is laid out where it changes, and only there.
    expect(
      colors
        .ipcParts(0, 2)
        .slice(1, -1)
        .map((part) => part.byteLength),
    ).toEqual([...[1, 2].map(() => 384), 2 * 256].slice(1));
  });

  it("do not change when more is appended", () => {
    const growing = storeOf([pairBatch(3)], pairSchema);
    const parts = growing.ipcParts();
    const before = Buffer.concat(parts);
    for (let i = 0; i < 50; i++) growing.append(pairBatch(i));
    expect(Buffer.concat(parts).equals(before)).toBe(true);
    expect(streamOf(growing, 0, 1).equals(before)).toBe(true);
  });

  it("are read by apache-arrow whatever the schema", () => {
    const cases = arbitrarySchema({ minColumns: 1, maxColumns: 5 }).chain((schema) =>
      fc.record({ schema: fc.constant(schema), batches: fc.array(arbitraryBatchOf(schema), { maxLength: 5 }) }),
    );
    fc.assert(
      fc.property(cases, fc.nat(5), fc.nat(5), ({ schema, batches }, from, to) => {
        const any = storeOf(batches, schema);
        expect(decode(streamOf(any))).toEqual(decoded(batches));
        expect(decode(streamOf(any, from, to))).toEqual(decoded(batches.slice(from, to)));
      }),
      { numRuns: 60 },
    );
  });
});
