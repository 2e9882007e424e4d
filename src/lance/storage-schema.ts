/**
 * The schema under which rows lie in memory, in the log and in SSTables, and what a table must be to have one.
 *
 * Storage schema = the table's columns in the table's order, those of the primary key not nullable and numbered in their field
 * metadata, all others nullable (a tombstone has no values for them), then `_tombstone`, a Bool that is never null.
 *
 * Lance compares the columns of a log entry with the table's and cannot be opened for writing any more when they differ. Of the item of a
 * fixed-size list it keeps the type alone: for the table it is called `item`, is nullable and has no metadata, whatever the table was
 * created with. So it is here. (Items of lists, fields of structs and entries of maps keep name, nullability and metadata.)
 *
 * @module
 */
import { Bool, type Schema, Type } from "apache-arrow";
import { normaliseSchema } from "../arrow/schema.js";
import type { FieldLike, SchemaLike, TypeLike } from "../arrow/shape.js";
import { typeName } from "../arrow/type-name.js";
import { UsageError } from "../errors.js";
import { nameProblem, typeProblem } from "./lance-types.js";

/** Last column of the storage schema: true in a row that deletes its key. */
export const TOMBSTONE = "_tombstone";

/** Field metadata of a primary-key column: its place in the key, "1", "2" …. */
export const KEY_POSITION = "lance-schema:unenforced-primary-key:position";

/** Types of primary-key columns whose rows Lance can hash. */
const KEY_TYPES: readonly string[] = ["int32", "int64", "utf8", "large_utf8", "binary", "large_binary"];

/**
 * The storage schema of a table.
 *
 * @param table the table's own schema; its metadata are left out, as they belong to the table
 * @param primaryKey names of the key columns, in the order of the key
 * @throws UsageError as {@link assertLanceSchema} and {@link assertPrimaryKey} do
 */
export function storageSchema(table: SchemaLike, primaryKey: readonly string[]): Schema {
  const schema = normaliseSchema(table);
  assertLanceSchema(schema);
  assertPrimaryKey(schema, primaryKey);
  const fields = schema.fields.map(({ name, type, metadata }: FieldLike): FieldLike => {
    const place = primaryKey.indexOf(name);
    const stored = new Map(metadata);
    stored.delete(KEY_POSITION);
    if (place >= 0) stored.set(KEY_POSITION, String(place + 1));
    return { name, type: storedType(type), nullable: place < 0, metadata: stored };
  });
  return normaliseSchema({ fields: [...fields, { name: TOMBSTONE, type: new Bool(), nullable: false }] });
}

/**
 * Throws when the columns are none that Lance can hold, as `lance-types.ts` has found out.
 *
 * @throws UsageError naming the column: its type, its name, a name that is taken twice or is that of the tombstones
 */
export function assertLanceSchema(schema: SchemaLike): void {
  const names = new Set<string>();
  for (const field of schema.fields) {
    const { name } = field;
    if (name === TOMBSTONE) {
      throw new UsageError(`the column ${JSON.stringify(name)} has the name of the column of deleted rows; rename it`);
    }
    if (names.has(name)) {
      throw new UsageError(`the schema has two columns named ${JSON.stringify(name)}; expected each name once`);
    }
    names.add(name);
    const badName = nameProblem(name);
    if (badName !== undefined) throw new UsageError(`the column ${JSON.stringify(name)} ${badName}; rename it`);
    const badType = typeProblem(field);
    if (badType !== undefined) throw new UsageError(`the column ${JSON.stringify(name)} ${badType}`);
  }
}

/**
 * Throws when the columns named are no key.
 *
 * @throws UsageError when there are none, or one is not in the schema, is named twice or has a type that Lance cannot hash
 */
export function assertPrimaryKey(schema: SchemaLike, primaryKey: readonly string[]): void {
  if (primaryKey.length === 0)
    throw new UsageError("the primary key has no columns; expected the names of one or more");
  primaryKey.forEach((name, i) => {
    const field = schema.fields.find((field) => field.name === name);
    if (field === undefined) {
      const known = schema.fields.map((field) => JSON.stringify(field.name)).join(", ");
      throw new UsageError(
        `the primary key's column ${JSON.stringify(name)} is not in the schema; expected one of ${known}`,
      );
    }
    if (primaryKey.indexOf(name) !== i) {
      throw new UsageError(`the primary key names the column ${JSON.stringify(name)} twice`);
    }
    const type = typeName(field.type);
    if (!KEY_TYPES.includes(type)) {
      throw new UsageError(
        `the primary key's column ${JSON.stringify(name)} is ${type}; expected ${KEY_TYPES.slice(0, -1).join(", ")} or ${KEY_TYPES.at(-1)}`,
      );
    }
  });
}

/** `type` with the items of its fixed-size lists as Lance has them. */
function storedType(type: TypeLike): TypeLike {
  const { typeId, children, listSize, keysSorted } = type;
  // The values of dictionaries are plain, and those of columns without children too.
  if (typeId === Type.Dictionary || !children?.length) return type;
  const stored = children.map(({ name, type, nullable, metadata }) => {
    return { name, type: storedType(type), nullable, metadata };
  });
  if (typeId !== Type.FixedSizeList) return { typeId, children: stored, keysSorted };
  return { typeId, listSize, children: stored.map((item) => ({ name: "item", type: item.type, nullable: true })) };
}
