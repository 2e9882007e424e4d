/** The raw path: every accessor for every kind of column, against the batch's values, without Arrow objects. */
import { describe, expect, it } from "vitest";
import { colorBatch, colorSchema, pairBatch, pairSchema, seededBatch, thrown, wideSchema } from "../../test/batches.js";
import { valuesOf } from "../../test/plain-model.js";
import type { TypedArray } from "../arrow/message-reader.js";
import { ClosedError, UsageError } from "../errors.js";
import { arenaBuffer } from "./arena.fixture.js";
import { BatchStore } from "./batch-store.js";
import type { RawColumn } from "./raw-column.js";

const LENGTH = 24;
const store = BatchStore.create({ schema: wideSchema, bytes: 8 << 20 });
const sources = Array.from({ length: LENGTH }, (_, seed) => seededBatch(wideSchema, seed, (seed * 5) % 23));
for (const source of sources) store.append(source);
const arena = arenaBuffer(store);
const decoder = new TextDecoder();

/** The values of a column of every batch, as the reference reader has them. */
function expected(name: string): unknown[][] {
  const index = wideSchema.fields.findIndex((field) => field.name === name);
  return sources.map((batch) => {
    const data = batch.data.children[index];
    return data === undefined ? [] : valuesOf(data);
  });
}

/** The values of a raw column in every batch, null where its bitmap says so. */
function read(column: RawColumn, valueAt: (position: number, row: number) => unknown): unknown[][] {
  return sources.map((_, position) =>
    Array.from({ length: column.rows(position) }, (_, row) =>
      isValid(column, position, row) ? valueAt(position, row) : null,
    ),
  );
}

function isValid(column: RawColumn, position: number, row: number): boolean {
  const bitmap = column.validity(position);
  return bitmap === undefined || bit(bitmap, row);
}

function bit(bytes: ArrayLike<number | bigint>, row: number): boolean {
  return ((Number(bytes[row >> 3]) >> (row & 7)) & 1) === 1;
}

function values(column: RawColumn, position: number): TypedArray {
  const array = column.values(position);
  if (array === undefined) throw new Error(`${column.path} has no values`);
  return array;
}

function string(column: RawColumn, position: number, row: number): string {
  const offsets = column.offsets(position);
  const bytes = values(column, position);
  if (!(bytes instanceof Uint8Array)) throw new Error("strings are bytes");
  return decoder.decode(bytes.slice(Number(offsets?.[row]), Number(offsets?.[row + 1])));
}

function range(column: RawColumn, position: number, row: number): number[] {
  const offsets = column.offsets(position);
  const from = Number(offsets?.[row]);
  return Array.from({ length: Number(offsets?.[row + 1]) - from }, (_, i) => from + i);
}

function only(column: RawColumn, index = 0): RawColumn {
  const child = column.children[index];
  if (child === undefined) throw new Error(`${column.path} has no child ${index}`);
  return child;
}

describe("a raw column", () => {
  it.each(["id", "price", "at"])("of fixed width: %s", (name) => {
    const column = store.column(name);
    expect(read(column, (position, row) => values(column, position)[row])).toEqual(expected(name));
    expect(column.offsets(0)).toBeUndefined();
    expect(column.typeIds(0)).toBeUndefined();
    expect(column.dictionary(0)).toBeUndefined();
  });

  it("of booleans", () => {
    const column = store.column("ok");
    expect(read(column, (position, row) => bit(values(column, position), row))).toEqual(expected("ok"));
  });

  it.each([
    ["name", Int32Array],
    ["note", BigInt64Array],
  ])("of strings: %s", (name, offsetsClass) => {
    const column = store.column(name);
    expect(read(column, (position, row) => string(column, position, row))).toEqual(expected(name));
    expect(column.offsets(1)).toBeInstanceOf(offsetsClass);
    expect(column.offsets(1)).toHaveLength(column.rows(1) + 1);
    expect(Number(column.offsets(1)?.[0])).toBe(0);
  });

  it("of bytes", () => {
    const column = store.column("raw");
    expect(
      read(column, (position, row) => range(column, position, row).map((i) => values(column, position)[i])),
    ).toEqual(expected("raw"));
    expect(column.nullable).toBe(false);
  });

  it("of lists, and its items", () => {
    const column = store.column("tags");
    const items = store.column(["tags", 0]);
    expect(items).toBe(only(column));
    const item = (position: number, i: number) => (isValid(items, position, i) ? string(items, position, i) : null);
    expect(read(column, (position, row) => range(column, position, row).map((i) => item(position, i)))).toEqual(
      expected("tags"),
    );
    expect(column.values(0)).toBeUndefined();
    expect(column.valuesAddress(0)).toBeUndefined();
  });

  it("of lists of one size", () => {
    const column = store.column("vector");
    const items = store.column(["vector", "item"]);
    const item = (position: number, i: number) => (isValid(items, position, i) ? values(items, position)[i] : null);
    expect(read(column, (position, row) => [0, 1, 2].map((i) => item(position, 3 * row + i)))).toEqual(
      expected("vector"),
    );
    expect(items.rows(2)).toBe(3 * column.rows(2));
  });

  it("of structs", () => {
    const column = store.column("place");
    const [x, label] = [store.column(["place", "x"]), store.column(["place", "label"])];
    const row = (position: number, i: number) => ({
      x: isValid(x, position, i) ? values(x, position)[i] : null,
      label: isValid(label, position, i) ? string(label, position, i) : null,
    });
    expect(read(column, row)).toEqual(expected("place"));
    expect(x.path).toBe("place.x");
  });

  it("of maps", () => {
    const column = store.column("counts");
    const [key, value] = [store.column(["counts", 0, 0]), store.column(["counts", 0, "value"])];
    const entry = (position: number, i: number) => [
      string(key, position, i),
      isValid(value, position, i) ? values(value, position)[i] : null,
    ];
    expect(read(column, (position, row) => range(column, position, row).map((i) => entry(position, i)))).toEqual(
      expected("counts"),
    );
  });

  it.each(["dense", "sparse"])("of a %s union", (name) => {
    const column = store.column(name);
    const [n, s] = [only(column, 0), only(column, 1)];
    const ids = name === "dense" ? [3, 7] : [0, 1];
    expect(
      read(column, (position, row) => {
        const typeId = Number(column.typeIds(position)?.[row]);
        const offset = name === "dense" ? Number(column.offsets(position)?.[row]) : row;
        const child = typeId === ids[0] ? n : s;
        const value = child === n ? values(n, position)[offset] : string(s, position, offset);
        return { typeId, value: isValid(child, position, offset) ? value : null };
      }),
    ).toEqual(expected(name));
    expect(column.validity(0)).toBeUndefined();
    expect(column.validityAddress(0)).toBeUndefined();
  });

  it.each([
    ["color", ["color"]],
    ["words", ["words", 0]],
  ])("of a dictionary: %s", (name, path) => {
    const column = store.column(path);
    const dictionaries = sources.map((_, position) =>
      (column.dictionary(position)?.data ?? []).flatMap((chunk) => valuesOf(chunk)),
    );
    const item = (position: number, i: number) =>
      isValid(column, position, i) ? dictionaries[position]?.[Number(values(column, position)[i])] : null;
    const list = store.column(name);
    const found =
      list === column
        ? read(column, item)
        : read(list, (position, row) => range(list, position, row).map((i) => item(position, i)));
    expect(found).toEqual(expected(name));
  });

  it("of nulls has rows and nothing else", () => {
    const column = store.column("nothing");
    expect(sources.map((_, position) => column.rows(position))).toEqual(sources.map((batch) => batch.numRows));
    expect(sources.map((_, position) => column.nullCount(position))).toEqual(sources.map((batch) => batch.numRows));
    expect(column.values(3)).toBeUndefined();
    expect(column.validity(3)).toBeUndefined();
  });

  it("counts nulls", () => {
    for (const name of ["ok", "price", "name", "tags", "place"]) {
      const column = store.column(name);
      expect(sources.map((_, position) => column.nullCount(position))).toEqual(
        expected(name).map((rows) => rows.filter((value) => value === null).length),
      );
    }
  });

  it("has addresses that are where its arrays lie, 64-aligned, on the arena", () => {
    let checked = 0;
    const visit = (column: RawColumn): void => {
      for (let position = 0; position < LENGTH; position++) {
        for (const [view, address] of [
          [column.values(position), column.valuesAddress(position)],
          [column.offsets(position), column.offsetsAddress(position)],
          [column.validity(position), column.validityAddress(position)],
        ] as const) {
          expect(address === undefined).toBe(view === undefined);
          if (view === undefined || address === undefined) continue;
          checked++;
          expect([view.buffer === arena, view.byteOffset, address % 64]).toEqual([true, address, 0]);
        }
      }
      column.children.forEach(visit);
    };
    for (const field of wideSchema.fields) visit(store.column(field.name));
    expect(checked).toBeGreaterThan(500);
  });

  it("is found by name, by number and by path, and is the same each time", () => {
    expect(store.column("ok")).toBe(store.column(1));
    expect(store.column(["ok"])).toBe(store.column("ok"));
    expect(store.column("ok").type.toString()).toBe("Bool");
  });

  it("reads batches appended after it was got", () => {
    const live = BatchStore.create({ schema: pairSchema, bytes: 65_536 });
    const reader = BatchStore.attach(live.handle());
    const column = reader.column("id");
    expect(thrown(() => column.values(0))).toBeInstanceOf(UsageError);
    live.append(pairBatch(3));
    expect(column.values(0)).toEqual(Int32Array.of(0, 1, 2));
    reader.close();
    expect(thrown(() => column.values(0))).toBeInstanceOf(ClosedError);
  });

  it("has one dictionary for each batch, as it was in force", () => {
    const colors = BatchStore.create({ schema: colorSchema, bytes: 65_536 });
    for (const [names, indices] of [
      [["a", "b"], [1]],
      [["a", "b"], [0]],
      [["c"], [0]],
    ] as const) {
      colors.append(colorBatch(names, indices));
    }
    const column = colors.column("color");
    expect([0, 1, 2].map((position) => column.dictionary(position)?.toArray())).toEqual([
      ["a", "b"],
      ["a", "b"],
      ["c"],
    ]);
    expect(column.dictionary(0)).toBe(column.dictionary(1));
  });

  it.each([["nope"], [99], [-1], [0.5], [["tags", "nope"]], [["id", 0]], [[]]])("is not to be had for %o", (path) => {
    const error = thrown(() => store.column(path));
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(/there is no field .*; expected one of|the path of a column is empty/);
  });

  it.each([LENGTH, -1, 0.5, Number.NaN])("does not know position %s", (position) => {
    const column = store.column("name");
    for (const action of [
      () => column.rows(position),
      () => column.nullCount(position),
      () => column.values(position),
      () => column.valuesAddress(position),
      () => column.offsets(position),
      () => column.offsetsAddress(position),
      () => column.validity(position),
      () => column.validityAddress(position),
      () => store.column("dense").typeIds(position),
      () => store.column("color").dictionary(position),
    ]) {
      const error = thrown(action);
      expect(error).toBeInstanceOf(UsageError);
      expect(String(error)).toContain(`there is no batch at position ${position}: the store holds ${LENGTH}`);
    }
  });
});
