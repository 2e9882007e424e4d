/**
 * Levels and values of Parquet columns → Arrow columns ("Dremel" assembly), without a JavaScript object per value.
 *
 * A node has a slot for every entry whose repetition level does not go below the node's own and whose definition level says that
 * the nearest repeated ancestor has an element there. A slot is null unless its definition level reaches the node's.
 *
 * Source of the encoding: Melnik et al., "Dremel: Interactive Analysis of Web-Scale Datasets", VLDB 2010.
 *
 * @module
 */

import { Data, DataType } from "apache-arrow";
import { CorruptError } from "../errors.js";
import type { LeafColumn } from "./parquet-page.js";
import { toArrowValues } from "./parquet-physical.js";
import type { ColumnPlan, Group, Leaf, PlanNode } from "./parquet-schema.js";

/** Puts one top-level column together. `columns` holds its leaves in order of the plan. @throws CorruptError */
export function assembleColumn(plan: ColumnPlan, columns: readonly LeafColumn[]): Data {
  const first = plan.leaves[0]?.index ?? 0;
  return assemble(plan.node, (leaf) => {
    const column = columns[leaf.index - first];
    if (column === undefined) throw new CorruptError(`column "${leaf.path}" has no data`);
    return column;
  });
}

type ColumnOf = (leaf: Leaf) => LeafColumn;

function assemble(node: PlanNode, columnOf: ColumnOf): Data {
  if (node.kind === "leaf") return assembleLeaf(node, columnOf(node));
  const levels = columnOf(firstLeaf(node));
  const { present, count } = slotsOf(node, levels);
  const { nulls, bitmap } = validity(node.nullable ? present : undefined, count);
  const children = node.children.map((child) => assemble(child, columnOf));
  if (node.kind === "struct") {
    if (children.some((child) => child.length !== count))
      throw new CorruptError("the fields of a group disagree in their rows");
    return new Data<DataType>(node.type, 0, count, nulls, { 2: bitmap }, children);
  }
  const offsets = listOffsets(node, levels, count);
  if (children.some((child) => child.length !== offsets[count]))
    throw new CorruptError("a list disagrees with its elements");
  return new Data<DataType>(node.type, 0, count, nulls, { 0: offsets, 2: bitmap }, children);
}

function assembleLeaf(leaf: Leaf, column: LeafColumn): Data {
  const { present, count } = slotsOf(leaf, column);
  const { nulls, bitmap } = validity(leaf.nullable ? present : undefined, count);
  if (DataType.isNull(leaf.type)) return new Data(leaf.type, 0, count, count);
  const { values } = column;
  const buffers = toArrowValues(leaf, values, present, count);
  return new Data<DataType>(leaf.type, 0, count, nulls, { ...buffers, 2: bitmap });
}

/** One byte per slot, 1 where it is not null; `present` is undefined when none is null. */
function slotsOf(node: PlanNode, levels: LeafColumn): { present: Uint8Array | undefined; count: number } {
  const { definitions, repetitions } = levels;
  if (repetitions === undefined) {
    if (definitions === undefined || node.definition === 0) return { present: undefined, count: levels.count };
    const { definition } = node;
    const present = new Uint8Array(levels.count);
    for (let i = 0; i < present.length; i++) present[i] = (definitions[i] ?? 0) >= definition ? 1 : 0;
    return { present, count: levels.count };
  }
  const flags = new Uint8Array(levels.count);
  let count = 0;
  let missing = 0;
  for (let i = 0; i < levels.count; i++) {
    if ((repetitions[i] ?? 0) > node.repetition) continue;
    const level = definitions === undefined ? 255 : (definitions[i] ?? 0);
    if (level < node.ancestor) continue;
    const is = level >= node.definition ? 1 : 0;
    missing += 1 - is;
    flags[count++] = is;
  }
  return { present: missing === 0 ? undefined : flags.subarray(0, count), count };
}

function listOffsets(list: Group, levels: LeafColumn, count: number): Int32Array {
  const { definitions, repetitions } = levels;
  const offsets = new Int32Array(count + 1);
  const elementDefinition = list.definition + 1;
  const elementRepetition = list.repetition + 1;
  let slot = 0;
  let elements = 0;
  for (let i = 0; i < levels.count; i++) {
    const repetition = repetitions?.[i] ?? 0;
    const definition = definitions === undefined ? 255 : (definitions[i] ?? 0);
    if (repetition <= list.repetition && definition >= list.ancestor) offsets[slot++] = elements;
    if (repetition <= elementRepetition && definition >= elementDefinition) {
      if (slot === 0) throw new CorruptError("a list begins in the middle of a row");
      elements += 1;
    }
  }
  offsets[count] = elements;
  return offsets;
}

function validity(present: Uint8Array | undefined, count: number): { nulls: number; bitmap: Uint8Array } {
  if (present === undefined) return { nulls: 0, bitmap: new Uint8Array(0) };
  const bitmap = new Uint8Array(Math.ceil(count / 8));
  let valid = 0;
  for (let i = 0; i < count; i++) {
    if (present[i] !== 1) continue;
    valid += 1;
    bitmap[i >> 3] = (bitmap[i >> 3] ?? 0) | (1 << (i & 7));
  }
  return valid === count ? { nulls: 0, bitmap: new Uint8Array(0) } : { nulls: count - valid, bitmap };
}

function firstLeaf(node: PlanNode): Leaf {
  if (node.kind === "leaf") return node;
  const child = node.children[0];
  if (child === undefined) throw new CorruptError("a group has no columns");
  return firstLeaf(child);
}
