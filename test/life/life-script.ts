/**
 * A whole life of rows, step by step, always the same: what the process that is ended does, and what must be there afterwards.
 *
 * @module
 */
import { int64, utf8 } from "../../src/table/column-types.js";
import { type OpenTableOptions, openTable } from "../../src/table/open-table.js";
import { schema } from "../../src/table/schema.js";

export type Step =
  | { readonly put: Readonly<Record<number, string>> }
  | { readonly deleted: readonly number[] }
  | { readonly call: "flush" | "compact" | "collect" | "optimize" };

const flush = { call: "flush" } as const;
const compact = { call: "compact" } as const;
const collect = { call: "collect" } as const;

/** Each tier is below each other at some time; keys are overwritten, deleted, and put again in all of them. */
export const SCRIPT: readonly Step[] = [
  { put: { 1: "a", 2: "a", 3: "a", 4: "a" } },
  { put: { 2: "b" } },
  flush,
  { deleted: [3] },
  { put: { 5: "c", 1: "c" } },
  flush,
  collect, // what is not merged stays
  compact,
  collect,
  { put: { 3: "d", 6: "d" } },
  { deleted: [1, 4] },
  flush,
  { put: { 4: "e", 2: "e" } },
  compact,
  { call: "optimize" },
  collect,
  { put: { 7: "f" } },
  collect,
];

/** What the table holds once so many steps are done. */
export function rowsAfter(steps: number): Map<number, string> {
  const rows = new Map<number, string>();
  for (const step of SCRIPT.slice(0, steps)) {
    if ("put" in step) for (const [id, text] of Object.entries(step.put)) rows.set(Number(id), text);
    if ("deleted" in step) for (const id of step.deleted) rows.delete(id);
  }
  return rows;
}

/** Nothing happens by itself, and nothing is kept for readers. */
export const AT_ONCE = {
  compactSsTables: 1_000,
  compactAgeMs: 1e9,
  retentionMs: 0,
  logRetentionMs: 0,
  collectIntervalMs: 1e9,
  optimizeIntervalMs: 1e9,
  optimizeMerges: 1e9,
  versionRetentionMs: 0,
};

/** The table whose life it is. */
export function openLife(path: string, options: Omit<OpenTableOptions, "schema" | "primaryKey"> = {}) {
  return openTable(path, {
    schema: schema({ id: int64(), text: utf8() }),
    primaryKey: "id",
    memtableBytes: 2 ** 20,
    maintenance: AT_ONCE,
    ...options,
  });
}
type Life = Awaited<ReturnType<typeof openLife>>;

/** Does one step. */
export async function live(table: Life, step: Step): Promise<void> {
  if ("put" in step) await table.put(Object.entries(step.put).map(([id, text]) => ({ id: BigInt(id), text })));
  else if ("deleted" in step) await table.delete(step.deleted.map(BigInt));
  else await table[step.call]();
}

/** Rows as text, in the order of their keys. */
export function textOf(rows: Iterable<readonly [number, string]>): string {
  return [...rows]
    .sort(([a], [b]) => a - b)
    .map(([id, text]) => `${id}${text}`)
    .join(" ");
}
