/**
 * A schema compiled for laying out and reading batches: its columns, its dictionaries, the template of its messages.
 *
 * @module
 */
import { DataType, type Dictionary, type Field, type Schema, Type, UnionMode } from "apache-arrow";
import { BitsColumn } from "./columns/bits.js";
import type { Column, ColumnSpec, Numbering } from "./columns/column.js";
import { DictionaryColumn } from "./columns/dictionary.js";
import { FixedColumn } from "./columns/fixed.js";
import { FixedSizeListColumn } from "./columns/fixed-size-list.js";
import { ListColumn } from "./columns/list.js";
import { NullColumn } from "./columns/null.js";
import { StructColumn } from "./columns/struct.js";
import { DenseUnionColumn, SparseUnionColumn } from "./columns/union.js";
import { VariableColumn } from "./columns/variable.js";
import { DictionaryPlan } from "./dictionary-plan.js";
import { fixedWidth } from "./fixed-layout.js";
import { MessageTemplate } from "./message.js";

export interface BatchPlan {
  readonly schema: Schema;
  readonly columns: readonly Column[];
  /** Inner dictionaries come before those that contain them. */
  readonly dictionaries: readonly DictionaryPlan[];
  readonly template: MessageTemplate;
}

/** Compiles `schema`, which must have been decoded by `decodeSchemaMessage`. */
export function compileBatchPlan(schema: Schema): BatchPlan {
  const dictionaries: DictionaryPlan[] = [];
  const numbering: Numbering = { node: 0, buffer: 0 };
  const fields: readonly Field[] = schema.fields;
  const columns = fields.map((field) => compileField(field, field.name, false, numbering, dictionaries));
  return { schema, columns, dictionaries, template: new MessageTemplate(numbering.node, numbering.buffer) };
}

/** @param masked true where a null may lie under a null of a parent, or in a row that a union does not refer to */
function compileField(
  field: Field,
  path: string,
  masked: boolean,
  numbering: Numbering,
  dictionaries: DictionaryPlan[],
): Column {
  const { type, nullable } = field;
  return compileColumn({ path, type, nullable, mayHoldNulls: nullable || masked, numbering }, dictionaries);
}

function compileColumn(spec: ColumnSpec, dictionaries: DictionaryPlan[]): Column {
  const { path, type, numbering } = spec;
  const masked = spec.mayHoldNulls || DataType.isUnion(type);
  const fields: readonly Field[] = type.children ?? [];
  const children = (): Column[] =>
    fields.map((field) => compileField(field, `${path}.${field.name}`, masked, numbering, dictionaries));
  const only = (): Column => {
    const [field] = fields;
    if (field === undefined) throw new TypeError(`${path}: a list type without a child`);
    return compileField(field, `${path}.${field.name}`, masked, numbering, dictionaries);
  };
  if (DataType.isDictionary(type)) return compileDictionary({ ...spec, type }, dictionaries);
  if (DataType.isFixedSizeList(type)) return new FixedSizeListColumn(spec, type.listSize, only);
  if (DataType.isUnion(type)) {
    return type.mode === UnionMode.Dense
      ? new DenseUnionColumn(spec, type.typeIds, children)
      : new SparseUnionColumn(spec, type.typeIds, children);
  }
  switch (type.typeId) {
    case Type.Null:
      return new NullColumn(spec);
    case Type.Bool:
      return new BitsColumn(spec);
    case Type.Utf8:
    case Type.Binary:
      return new VariableColumn(spec, 4);
    case Type.LargeUtf8:
    case Type.LargeBinary:
      return new VariableColumn(spec, 8);
    case Type.List:
    case Type.Map:
      return new ListColumn(spec, only);
    case Type.Struct:
      return new StructColumn(spec, children);
    default:
      return new FixedColumn(spec, fixedWidth(type));
  }
}

function compileDictionary(
  spec: ColumnSpec & { readonly type: Dictionary },
  dictionaries: DictionaryPlan[],
): DictionaryColumn {
  const own: Numbering = { node: 0, buffer: 0 };
  const values = compileColumn(
    { path: `${spec.path}.dictionary`, type: spec.type.dictionary, nullable: true, mayHoldNulls: true, numbering: own },
    dictionaries,
  );
  const template = new MessageTemplate(own.node, own.buffer, spec.type.id);
  const plan = new DictionaryPlan(spec.type.id, dictionaries.length, values, template);
  dictionaries.push(plan);
  return new DictionaryColumn(spec, plan);
}
