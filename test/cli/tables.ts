/**
 * Tables that the command has made, as the tests look at them.
 *
 * @module
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { openTable } from "../../src/table/open-table.js";
import { pennon } from "./run-pennon.js";

/** A folder for tables and files, removed by `remove`. */
export function makeFolder(): { readonly path: (...parts: string[]) => string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "pennon-"));
  return {
    path: (...parts) => join(folder, ...parts),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Directory of the one shard of the table. */
export function shardOf(table: string): string {
  return join(`${table}.lance`, "_mem_wal", UNSHARDED_SHARD_ID);
}

/** Names of the entries in the log. */
export function entriesOf(table: string): string[] {
  const directory = join(shardOf(table), "wal");
  return existsSync(directory) ? readdirSync(directory).filter((name) => /^[01]{64}\.arrow$/.test(name)) : [];
}

/** Path of the entry at a position. */
export function entryPath(table: string, position: number): string {
  const digits = [...position.toString(2)].reverse().join("");
  return join(shardOf(table), "wal", `${digits.padEnd(64, "0")}.arrow`);
}

/** Resolves when the log has that many entries at least. */
export async function entriesAtLeast(table: string, count: number): Promise<void> {
  for (let i = 0; i < 2000 && entriesOf(table).length < count; i++) await sleep(5);
  if (entriesOf(table).length < count) throw new Error(`${table} got no ${count} entries`);
}

/** All rows of a table, as a reopening finds them, in the order of their (first) key column. */
export async function rowsOf(table: string): Promise<Record<string, unknown>[]> {
  const opened = await openTable(table);
  try {
    const rows: Record<string, unknown>[] = [];
    for await (const batch of opened.scan()) for (const row of batch) rows.push(row.toJSON());
    const key = opened.primaryKey[0] ?? "";
    const order = (row: Record<string, unknown>) => row[key] as bigint | string;
    return rows.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  } finally {
    await opened.close();
  }
}

/** The JSON output of `pennon ingest --into`, as far as tests look at it. */
export interface IntoReport {
  readonly table: string;
  readonly rows: number;
  readonly skippedRows: number;
  readonly entries: number;
  readonly key: readonly string[] | null;
  readonly duplicates?: number;
  readonly sources: readonly { readonly rows: number }[];
}

/** Runs `pennon ingest --json --into`, which must succeed without a word on standard error. */
export async function ingestInto(table: string, args: readonly string[], input = ""): Promise<IntoReport> {
  const { code, stdout, stderr } = await pennon(["ingest", "--json", "--into", table, ...args], input);
  if (code !== 0 || stderr !== "") throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout);
}
