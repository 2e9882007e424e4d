/**
 * A table with a column of most kinds, and the row that belongs to each id, for processes that write with LanceDB and with ours.
 *
 * @module
 */
import {
  Binary,
  Bool,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  Schema,
  Struct,
  Table,
  TimestampMillisecond,
  Utf8,
  vectorFromArray,
} from "apache-arrow";

export const SHARED_SCHEMA = new Schema([
  new Field("id", new Int64(), false),
  new Field("text", new Utf8(), true),
  new Field("number", new Float64(), true),
  new Field("flag", new Bool(), false),
  new Field("at", new TimestampMillisecond(), true),
  new Field("bytes", new Binary(), true),
  new Field("vector", new FixedSizeList(4, new Field("item", new Float32(), true)), true),
  new Field("tags", new List(new Field("item", new Utf8(), true)), true),
  new Field("place", new Struct([new Field("x", new Int32(), true), new Field("name", new Utf8(), true)]), true),
  new Field("word", new Dictionary(new Utf8(), new Int32()), true),
]);

const WORDS = ["red", "green", "", "blau"];

/** The row of this id, as objects are put. */
export function sharedRow(id: number) {
  const some = <T>(every: number, value: T): T | null => (id % every === 0 ? null : value);
  return {
    id: BigInt(id),
    text: some(7, `text of ${id} `.repeat(id % 5)),
    number: some(5, id / 8),
    flag: id % 3 === 0,
    at: some(11, new Date(id * 1_003)),
    bytes: some(4, Buffer.from([id & 255, 0, 255])),
    // Never null: apache-arrow makes the items of a trailing null too few for LanceDB.
    vector: [id, -id, 0.5, id / 4],
    tags: some(
      6,
      Array.from({ length: id % 4 }, (_, i) => `tag ${i}`),
    ),
    place: some(8, { x: id % 2 === 0 ? null : id, name: `place ${id % 13}` }),
    word: some(10, WORDS[id % 4] ?? ""),
  };
}

/** The rows of these ids, for LanceDB, which would guess the types of objects. */
export function sharedTable(ids: readonly number[]): Table {
  const rows = ids.map(sharedRow);
  const columns = SHARED_SCHEMA.fields.map(({ name, type }) => [
    name,
    vectorFromArray(
      rows.map((row) => Reflect.get(row, name)),
      type,
    ),
  ]);
  return new Table(SHARED_SCHEMA, Object.fromEntries(columns));
}

/** The same as `rowsOf` of plain-model.ts reads it. */
export function plainSharedRow(id: number): unknown[] {
  const row = sharedRow(id);
  const at = row.at && BigInt(row.at.getTime());
  return Object.values({ ...row, at, bytes: row.bytes && Array.from(row.bytes) });
}
