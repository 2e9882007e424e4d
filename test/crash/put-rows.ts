/**
 * Puts a planned put into a writer, or a producer of one.
 *
 * @module
 */
import { type Data, makeData, RecordBatch, Struct, vectorFromArray } from "apache-arrow";
import type { Position } from "../../src/writer/position.js";
import type { PutOptions } from "../../src/writer/put-options.js";
import { counterOf, deletedKeys, type PutName, type PutPlan, type PutRow, rowOf, SCHEMA } from "./put-plan.js";

/** What `ShardWriter` and `Producer` have in common. */
export interface PutTarget {
  put(rows: object, options: PutOptions): Promise<Position>;
  delete(keys: readonly unknown[], options: PutOptions): Promise<Position>;
}

export function putPlanned(target: PutTarget, plan: PutPlan): Promise<Position> {
  const { name, form, durability, batches } = plan;
  const options: PutOptions = { durability, counters: counterOf(name) };
  if (form === "delete") return target.delete(deletedKeys(plan), options);
  if (form === "object") return target.put(rowOf(name, 0), options);
  let first = 0;
  const groups = batches.map((rows) => {
    const group = rowsOf(name, first, rows);
    first += rows;
    return group;
  });
  if (form === "objects") return target.put(groups.flat(), options);
  const arrow = groups.map(batchOf);
  return target.put(arrow.length === 1 && arrow[0] !== undefined ? arrow[0] : arrow, options);
}

function rowsOf(name: PutName, first: number, rows: number): PutRow[] {
  return Array.from({ length: rows }, (_, i) => rowOf(name, first + i));
}

function batchOf(rows: readonly PutRow[]): RecordBatch {
  const children = SCHEMA.fields.map(({ type, name }): Data => {
    const [data] = vectorFromArray(
      rows.map((row) => Reflect.get(row, name)),
      type,
    ).data;
    if (data === undefined) throw new Error(`no data for column ${name}`);
    return data;
  });
  return new RecordBatch(SCHEMA, makeData({ type: new Struct(SCHEMA.fields), length: rows.length, children }));
}
