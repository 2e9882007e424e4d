/**
 * Schemas of tables: as they are created in Lance, as Lance gives them back, and whether the one asked for is the one that is there.
 *
 * The logical schema is what users see: columns in the table's order, key columns not nullable, without Lance's metadata of the key.
 *
 * @module
 */
import { Field, Int64, Schema, Type } from "apache-arrow";
import { normaliseSchema, schemaDifference } from "../arrow/schema.js";
import type { FieldLike, SchemaLike, TypeLike } from "../arrow/shape.js";
import { typeName } from "../arrow/type-name.js";
import { UsageError } from "../errors.js";
import { assertLanceSchema, assertPrimaryKey, KEY_POSITION, TOMBSTONE } from "../lance/storage-schema.js";

/** Key of a table without a primary key of its own: numbers that Pennon gives, ascending. */
export const ROW_ID = "_row_id";

/** Column of a change that says what happened to a row: `"put"` or `"delete"`. */
export const OPERATION = "_op";

/** Names that belong to what a table stores, and gives, beside its columns; so do all that begin with {@link RESERVED_PREFIX}. */
const RESERVED: readonly string[] = [TOMBSTONE, OPERATION];
const RESERVED_PREFIX = "_pennon";

/** Field metadata that older releases of Lance mark a key column with. */
const KEY_MARK = "lance-schema:unenforced-primary-key";

/** A logical schema and its key. */
export interface KeyedSchema {
  readonly schema: Schema;
  /** Names of the key columns, in the order of the key; empty when Lance knows of none. */
  readonly primaryKey: readonly string[];
}

/**
 * The logical schema of a table to be: key columns not nullable; without a key, {@link ROW_ID} in front.
 *
 * @throws UsageError naming the column, when Lance cannot hold it or it cannot be a key
 */
export function schemaToCreate(asked: SchemaLike, primaryKey: readonly string[] | undefined): KeyedSchema {
  const plain = logicalSchema(asked, primaryKey ?? []);
  assertNotReserved(plain);
  assertLanceSchema(plain);
  if (plain.fields.length === 0) throw new UsageError("the schema has no columns; expected one or more");
  if (plain.fields.some((field) => field.name === ROW_ID)) {
    throw new UsageError(
      `the schema has a column ${JSON.stringify(ROW_ID)}, the key of tables without a primary key; rename it`,
    );
  }
  if (primaryKey !== undefined) {
    assertPrimaryKey(plain, primaryKey);
    return { schema: plain, primaryKey };
  }
  const rowId = new Field(ROW_ID, new Int64(), false);
  return { schema: new Schema([rowId, ...plain.fields], plain.metadata), primaryKey: [ROW_ID] };
}

/** @throws UsageError naming the column, when its name is kept for the table */
export function assertNotReserved({ fields }: { readonly fields: readonly { readonly name: string }[] }): void {
  const taken = fields.find(({ name }) => RESERVED.includes(name) || name.startsWith(RESERVED_PREFIX));
  if (taken === undefined) return;
  throw new UsageError(
    `column ${JSON.stringify(taken.name)} has a name that is kept for the table's own use; expected one other than ${RESERVED.map((name) => JSON.stringify(name)).join(" and ")} that does not begin with "${RESERVED_PREFIX}"`,
  );
}

/**
 * The table's schema with items of fixed-size lists nullable only where they are in the schema asked for. Lance takes them all for nullable
 * and forgets what they were; what is put has to be what was asked for.
 */
export function withItemsOf(found: Schema, asked: Schema): Schema {
  const fields = found.fields.map((field, i): FieldLike => {
    const want = asked.fields[i];
    const { name, nullable, metadata } = field;
    return { name, nullable, metadata, type: want === undefined ? field.type : itemsOf(field.type, want.type) };
  });
  return normaliseSchema({ fields, metadata: found.metadata });
}

function itemsOf(found: TypeLike, asked: TypeLike): TypeLike {
  const { typeId, children, listSize, keysSorted } = found;
  if (typeId === Type.Dictionary || typeId === Type.Union || !children?.length) return found;
  const items = children.map((child, i): FieldLike => {
    const want = asked.children?.[i] ?? child;
    const nullable = typeId === Type.FixedSizeList ? child.nullable && want.nullable : child.nullable;
    return { name: child.name, type: itemsOf(child.type, want.type), nullable, metadata: child.metadata };
  });
  return typeId === Type.FixedSizeList
    ? { typeId, listSize, children: items }
    : { typeId, children: items, keysSorted };
}

/** The same with Lance's metadata of the key: what the table is created with. */
export function lanceSchema({ schema, primaryKey }: KeyedSchema): Schema {
  const fields = schema.fields.map((field: Field) => {
    const place = primaryKey.indexOf(field.name);
    if (place < 0) return field;
    return new Field(field.name, field.type, false, new Map(field.metadata).set(KEY_POSITION, String(place + 1)));
  });
  return new Schema(fields, schema.metadata);
}

/** The logical schema and the key of a table, from the schema that Lance gives. */
export function readLanceSchema(found: SchemaLike): KeyedSchema {
  const places = found.fields.flatMap(({ name, metadata }, column) => {
    const place = Number(metadata?.get(KEY_POSITION) ?? 0);
    const marked = place > 0 || /^(true|1|yes)$/i.test(metadata?.get(KEY_MARK) ?? "");
    return marked ? [{ name, place: place > 0 ? place : Number.POSITIVE_INFINITY, column }] : [];
  });
  places.sort((a, b) => (a.place === b.place ? a.column - b.column : a.place - b.place));
  const primaryKey = places.map(({ name }) => name);
  return { schema: logicalSchema(found, primaryKey), primaryKey };
}

/**
 * What differs between the schema asked for and the table's, undefined when they agree. Metadata are the table's business; the names and
 * the nullability of list items and map entries say nothing that rows could be told apart by.
 */
export function disagreement(asked: Schema, found: Schema): string | undefined {
  const difference = schemaDifference(found, asked)?.replaceAll("the store's schema", "the table");
  if (difference !== undefined) return difference;
  for (const [i, want] of asked.fields.entries()) {
    const have = found.fields[i];
    if (have !== undefined && have.nullable !== want.nullable) {
      const [one, other] = want.nullable ? ["nullable", "not nullable"] : ["not nullable", "nullable"];
      return `field ${JSON.stringify(want.name)} (${typeName(want.type)}) is ${one}; expected ${other}`;
    }
  }
  return undefined;
}

/** Normalised, key columns not nullable, Lance's metadata of the key left out. */
function logicalSchema(schema: SchemaLike, primaryKey: readonly string[]): Schema {
  const normal = normaliseSchema(schema);
  const fields = normal.fields.map((field: FieldLike & Field) => {
    const metadata = new Map(field.metadata);
    metadata.delete(KEY_POSITION);
    metadata.delete(KEY_MARK);
    return new Field(field.name, field.type, field.nullable && !primaryKey.includes(field.name), metadata);
  });
  return new Schema(fields, normal.metadata);
}
