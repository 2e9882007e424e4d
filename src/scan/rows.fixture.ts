/** Rows of tests, as texts that can be compared. */
import type { RecordBatch } from "apache-arrow";
import { RowReader } from "../arrow/rows/row-reader.js";
import type { Row, TieredTable } from "./tiers.fixture.js";

/** Rows in no order, one text each. */
export function shown(rows: Iterable<Record<string, unknown>>): string[] {
  return [...rows].map(shownRow).sort();
}

/** The text of a row: equal for equal rows, whoever has read them. */
export function shownRow(row: Record<string, unknown>): string {
  const values = Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
  return values.map(([name, value]) => `${name}: ${shownValue(value)}`).join(", ");
}

function shownValue(value: unknown): string {
  if (ArrayBuffer.isView(value)) {
    return `0x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}`;
  }
  return typeof value === "bigint" ? `${value}n` : JSON.stringify(value);
}

/** All rows of batches, in order. */
export async function allRows(batches: AsyncIterable<RecordBatch>): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const batch of batches) rows.push(...new RowReader(batch.schema).readAll(batch));
  return rows;
}

/** The row that a key of the model has. */
export function modelRow(table: TieredTable, n: number, { value, text }: Row): Record<string, unknown> {
  const parts = table.key(n);
  const key = Object.fromEntries(table.primaryKey.map((name, i) => [name, parts[i]]));
  return { ...key, value: BigInt(value), text };
}

/** The rows of a model. */
export function modelRows(table: TieredTable, model: ReadonlyMap<number, Row> = table.model) {
  return [...model].map(([n, row]) => modelRow(table, n, row));
}
