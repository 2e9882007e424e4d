/**
 * Verifies an SSTable: it can be read, has the table's columns and one row for each key, and what lies beside it agrees with its rows.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Data, Schema } from "apache-arrow";
import { ownData } from "../arrow/own-data.js";
import { GoneError, PennonError } from "../errors.js";
import { decodeLanceFilter, type KeyFilter, readKeyFilter } from "../lance/bloom-filter.js";
import { DatasetReader } from "../lance/dataset-reader.js";
import { KeyHasher } from "../lance/key-hasher.js";
import { readKeyIndex } from "../lance/key-index-reader.js";
import { KeyList } from "../lance/key-list.js";
import type { LanceDb } from "../lance/lancedb-module.js";
import type { SsTable } from "../lance/shard-manifest.js";
import { FILTER_FILE, KEY_INDEX_DIRECTORY, LANCE_FILTER_FILE, PAGE_DATA_FILE } from "../lance/ss-table-files.js";
import { failureCode } from "../storage/file-errors.js";
import { KeySet } from "./key-set.js";
import type { Finding } from "./verify-findings.js";

/** What SSTables are held against. */
export interface SsTableChecks {
  readonly lancedb: LanceDb;
  /** The storage schema. */
  readonly schema: Schema;
  readonly primaryKey: readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly onRows: (rows: number) => void;
}

const BATCH_ROWS = 65_536;
const HASH_WORDS = 2;
const MERGE_ADVICE = "run `pennon compact`, which merges its rows into the base table";
const FLUSH_ADVICE = "restore it from a copy of the table; its rows may be in the base table already, if it was merged";

/**
 * @param directory of the SSTable
 * @param file the same, relative to the table's directory
 */
export async function* verifySsTable(
  directory: string,
  file: string,
  table: SsTable,
  checks: SsTableChecks,
): AsyncGenerator<Finding, void, undefined> {
  let reader: DatasetReader;
  try {
    reader = await DatasetReader.open(directory);
  } catch (error) {
    if (!(error instanceof PennonError)) throw error;
    yield problem(file, `it is listed and cannot be opened: ${error.message}`, FLUSH_ADVICE);
    return;
  }
  try {
    const expected = checks.schema.fields.map(({ name }) => name);
    const missing = expected.filter((name) => !reader.columns.includes(name));
    if (missing.length > 0) {
      yield problem(file, `it lacks the columns ${missing.join(", ")}; expected all of the table's`, MERGE_ADVICE);
      if (checks.primaryKey.some((name) => missing.includes(name))) return;
    }
    if (table.physicalRows !== undefined && table.physicalRows < reader.rows) {
      yield problem(file, `it has ${reader.rows} rows; the manifest says ${table.physicalRows}`, FLUSH_ADVICE);
    }
    const keys = new KeyList(keyTypes(checks), reader.rows);
    try {
      await collectKeys(reader, keys, checks);
    } catch (error) {
      if (!(error instanceof PennonError) || error instanceof GoneError) throw error;
      yield problem(file, `its rows cannot be read: ${error.message}`, FLUSH_ADVICE);
      return;
    }
    const twice = duplicates(keys);
    if (twice > 0) {
      yield problem(file, `${twice} keys have more than one row; expected one for each key`, MERGE_ADVICE);
      return;
    }
    yield* verifyFilters(directory, file, keys);
    // With hidden rows, those of LanceDB, rows are counted in another way.
    if ((table.physicalRows ?? reader.rows) === reader.rows) {
      yield* verifyIndex(directory, `${file}/${KEY_INDEX_DIRECTORY}/${PAGE_DATA_FILE}`, keys, checks);
    }
  } finally {
    await reader.close();
  }
}

/** Types of the key columns, in the order of the key. */
export function keyTypes({ schema, primaryKey }: Pick<SsTableChecks, "schema" | "primaryKey">) {
  return primaryKey.flatMap((name) => schema.fields.filter((field) => field.name === name)).map(({ type }) => type);
}

async function collectKeys(
  reader: DatasetReader,
  keys: KeyList,
  { primaryKey, signal, onRows }: SsTableChecks,
): Promise<void> {
  for await (const { data, numRows } of reader.scan({ columns: primaryKey, batchRows: BATCH_ROWS })) {
    signal?.throwIfAborted();
    keys.append(data.children ?? [], numRows);
    onRows(numRows);
  }
}

function duplicates({ hashes, rows }: KeyList): number {
  const set = new KeySet(HASH_WORDS, rows);
  const words = new Int32Array(hashes.buffer);
  let twice = 0;
  for (let row = 0; row < rows; row++) if (set.add(words, HASH_WORDS * row)) twice++;
  return twice;
}

async function* verifyFilters(
  directory: string,
  file: string,
  keys: KeyList,
): AsyncGenerator<Finding, void, undefined> {
  const advice = "remove the file: it only saves time";
  const ours = await attempt(() => readKeyFilter(directory));
  if (typeof ours === "string") yield problem(`${file}/${FILTER_FILE}`, ours, advice);
  else if (ours !== undefined && missed(ours, keys.hashes) > 0) {
    yield problem(
      `${file}/${FILTER_FILE}`,
      `it does not know ${missed(ours, keys.hashes)} keys of the SSTable`,
      advice,
    );
  }
  const path = join(directory, LANCE_FILTER_FILE);
  const theirs = await attempt(async () => {
    try {
      return decodeLanceFilter(await readFile(path), path);
    } catch (error) {
      if (failureCode(error) === "ENOENT") return undefined;
      throw error;
    }
  });
  const unread = "LanceDB 0.39 does not read it; run `pennon compact`, which merges the SSTable";
  if (typeof theirs === "string")
    yield { ...problem(`${file}/${LANCE_FILTER_FILE}`, theirs, unread), severity: "warning" };
  else if (theirs === undefined || missed(theirs, keys.lanceHashes) > 0) {
    const text = theirs === undefined ? "it is missing" : "it does not know all keys of the SSTable";
    yield { ...problem(`${file}/${LANCE_FILTER_FILE}`, text, unread), severity: "warning" };
  }
}

function missed(filter: Pick<KeyFilter, "mightHold">, hashes: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < hashes.length; i += 2) if (!filter.mightHold(hashes[i] ?? 0, hashes[i + 1] ?? 0)) count++;
  return count;
}

async function* verifyIndex(
  directory: string,
  file: string,
  keys: KeyList,
  { lancedb }: SsTableChecks,
): AsyncGenerator<Finding, void, undefined> {
  const order = keys.order();
  let at = 0;
  try {
    for await (const { data, numRows } of readKeyIndex(lancedb, directory, keys)) {
      const rows = order.subarray(at, at + numRows);
      const [values, ids] = data.children ?? [];
      const found: unknown = ids?.values;
      const start = ids?.offset ?? 0;
      const agree =
        values !== undefined &&
        found instanceof BigUint64Array &&
        rows.length === numRows &&
        rows.every((row, i) => found[start + i] === BigInt(row)) &&
        sameKeys(ownData(keys.type, values), keys.take(rows), numRows);
      if (!agree) {
        yield problem(
          file,
          `its entries from ${at} on are not the SSTable's keys in order, with their rows`,
          MERGE_ADVICE,
        );
        return;
      }
      at += numRows;
    }
    if (at !== keys.rows)
      yield problem(file, `it has ${at} entries; expected ${keys.rows}, one for each row`, MERGE_ADVICE);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    yield problem(file, `it cannot be read: ${error.message}`, MERGE_ADVICE);
  }
}

function sameKeys(found: Data, expected: Data, rows: number): boolean {
  const [a, b] = [found, expected].map((data) => {
    const hashes = new Uint32Array(HASH_WORDS * rows);
    KeyHasher.forPennon([data.type]).hash([data], rows, hashes);
    return hashes;
  });
  return a !== undefined && b !== undefined && Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer)) === 0;
}

/** What it returns, or what is wrong. */
async function attempt<T>(action: () => Promise<T>): Promise<T | string> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof PennonError) return error.message;
    throw error;
  }
}

function problem(file: string, text: string, advice: string): Finding {
  return { severity: "error", file, problem: text, advice };
}
