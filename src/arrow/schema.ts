/**
 * Schemas: taken by shape from any copy of apache-arrow, encoded as an Arrow IPC schema message, and compared.
 *
 * The encoded message is the schema's one true form. It lies in the arena, and every thread, the writer's too, decodes its own
 * `Schema` from it. Dictionary ids are numbered anew, one for each dictionary-encoded column, inner ones first: the ids a user's
 * types carry come from a counter of his process and say nothing here.
 *
 * @module
 */
import { type Field, Message, Schema, Type } from "apache-arrow";
import { CorruptError, UsageError } from "../errors.js";
import { aligned } from "./message.js";
import { rebuildField } from "./rebuild-type.js";
import { sameType } from "./same-type.js";
import { type FieldLike, isSchemaLike, type SchemaLike } from "./shape.js";
import { typeName } from "./type-name.js";

/**
 * `schema`, made of this copy's classes, with dictionary ids 0, 1, 2 ….
 *
 * @throws UsageError when it is not a schema, or holds a type that apache-arrow 18.1 cannot hold
 */
export function normaliseSchema(schema: SchemaLike): Schema {
  if (!isSchemaLike(schema)) {
    throw new UsageError(`schema is ${describe(schema)}; expected an Arrow schema with a list of fields`);
  }
  let dictionaries = 0;
  const fields = schema.fields.map((field) => {
    try {
      typeName(field.type); // bounds the nesting
      return rebuildField(field, () => dictionaries++);
    } catch (error) {
      throw new UsageError(`field ${JSON.stringify(field.name)}: ${messageOf(error)}`, { cause: error });
    }
  });
  return new Schema(fields, new Map(schema.metadata ?? []));
}

/** The schema as an IPC message, padded to a multiple of 64 bytes. */
export function encodeSchemaMessage(schema: Schema): Uint8Array {
  const flatbuffer = Message.encode(Message.from(schema));
  const message = new Uint8Array(aligned(8 + flatbuffer.byteLength));
  const view = new DataView(message.buffer);
  view.setUint32(0, 0xffffffff, true);
  view.setUint32(4, message.byteLength - 8, true);
  message.set(flatbuffer, 8);
  return message;
}

/**
 * The schema in an IPC message that {@link encodeSchemaMessage} made; the bytes may lie in shared memory.
 *
 * @throws CorruptError when the message is not a schema's
 */
export function decodeSchemaMessage(message: Uint8Array): Schema {
  // Not by `tableFromIPC`, which names a field without a name "null".
  const decoded = Message.decode(new Uint8Array(message).subarray(8));
  if (!decoded.isSchema()) throw new CorruptError("the bytes where a schema message should lie are another message");
  const schema = decoded.header();
  schema.fields.forEach(restoreName);
  return schema;
}

/**
 * What differs between `found` and `expected` in a way that changes the meaning or the layout of rows, or undefined. Nullability is
 * not compared, as what counts there are the rows; neither are metadata and names without meaning (list items, map entries).
 */
export function schemaDifference(expected: SchemaLike, found: SchemaLike): string | undefined {
  for (let i = 0; i < Math.max(expected.fields.length, found.fields.length); i++) {
    const want = expected.fields[i];
    const have = found.fields[i];
    if (want === undefined) return `field ${i} ${JSON.stringify(have?.name)} is not in the store's schema`;
    if (have === undefined) return `field ${i} ${JSON.stringify(want.name)} (${typeName(want.type)}) is missing`;
    if (want.name !== have.name) {
      return `field ${i} is named ${JSON.stringify(have.name)}; expected ${JSON.stringify(want.name)}`;
    }
    if (!sameType(want.type, have.type)) {
      return `field ${JSON.stringify(want.name)} is ${typeName(have.type)}; expected ${typeName(want.type)}${dictionaryHint(want, have)}`;
    }
  }
  return undefined;
}

/** Why a column of strings is not one: apache-arrow makes dictionaries of strings unless told otherwise. */
function dictionaryHint(want: FieldLike, have: FieldLike): string {
  if (want.type.typeId !== Type.Utf8 || have.type.dictionary?.typeId !== Type.Utf8) return "";
  return " (tableFromArrays makes dictionaries of strings; vectorFromArray(values, new Utf8()) does not)";
}

/** apache-arrow decodes an empty name as null. */
function restoreName(field: Field): void {
  if (field.name === null) Object.assign(field, { name: "" });
  const children: readonly Field[] = field.type.children ?? [];
  children.forEach(restoreName);
}

function describe(value: unknown): string {
  return value === null ? "null" : typeof value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
