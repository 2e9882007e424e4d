/**
 * Verifies the rows of a shard over all its tiers on disk: the base table has each key once, and LanceDB, reading SSTables and base table
 * together, returns each live key exactly once.
 *
 * Keys are held as 64-bit hashes in sets of bounded size. Where a table has more keys than fit, it is read several times, each time for
 * a part of the keys.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import type { RecordBatchLike } from "../arrow/shape.js";
import { DatasetReader } from "../lance/dataset-reader.js";
import { KeyHasher } from "../lance/key-hasher.js";
import { DATASET_SUFFIX } from "../lance/ss-table-files.js";
import { TOMBSTONE } from "../lance/storage-schema.js";
import { KeySet } from "./key-set.js";
import type { Finding } from "./verify-findings.js";
import { keyTypes, type SsTableChecks } from "./verify-ss-table.js";

/** Keys of one part; four sets of them take 300 MB at most. */
const MOST_KEYS = 4_000_000;
const MAX_PARTS = 1_024;
const BATCH_ROWS = 65_536;
const HASH_WORDS = 2;
const ADVICE = "restore the table from a copy, or write these rows again";

/** The tiers, newest first. */
export interface Tiers {
  readonly tableDirectory: string;
  /** Directories of the SSTables that are not merged, newest first. */
  readonly ssTables: readonly string[];
}

/** How many rows of all tiers there are, and in how many parts they are read. */
export async function planRows({ tableDirectory, ssTables }: Tiers): Promise<{ rows: number; parts: number }> {
  let rows = 0;
  for (const directory of [...ssTables, tableDirectory]) {
    const reader = await DatasetReader.open(directory);
    rows += reader.rows;
    await reader.close();
  }
  return { rows, parts: Math.min(MAX_PARTS, Math.max(1, Math.ceil(rows / MOST_KEYS))) };
}

/** @param parts as of {@link planRows} */
export async function* verifyRows(
  tiers: Tiers,
  parts: number,
  checks: SsTableChecks,
): AsyncGenerator<Finding, void, undefined> {
  const file = "";
  for (let part = 0; part < parts; part++) {
    const keys = await partOf(tiers, part, parts, checks);
    if (keys.twiceInBase > 0) {
      const problem = `${keys.twiceInBase} keys have more than one row in the base table; expected one for each key`;
      yield { severity: "error", file, problem, advice: ADVICE };
    }
    const read = await readByLanceDb(tiers.tableDirectory, part, parts, keys.live, checks);
    if (read.twice > 0) {
      const problem = `LanceDB returns ${read.twice} rows whose key it has returned before; expected each live key once`;
      yield { severity: "error", file, problem, advice: ADVICE };
    }
    if (read.dead > 0) {
      const problem = `LanceDB returns ${read.dead} keys that are deleted, or in no tier`;
      yield { severity: "error", file, problem, advice: ADVICE };
    }
    const missing = keys.live.size - (read.keys - read.dead);
    if (missing > 0) {
      const problem = `LanceDB does not return ${missing} of ${keys.live.size} live keys`;
      yield { severity: "error", file, problem, advice: ADVICE };
    }
  }
}

async function partOf(
  { tableDirectory, ssTables }: Tiers,
  part: number,
  parts: number,
  checks: SsTableChecks,
): Promise<{ readonly live: KeySet; readonly twiceInBase: number }> {
  const decided = new KeySet(HASH_WORDS, Number.MAX_SAFE_INTEGER);
  const live = new KeySet(HASH_WORDS, Number.MAX_SAFE_INTEGER);
  for (const directory of ssTables) {
    await eachKey(directory, part, parts, checks, (words, at, deleted) => {
      if (!decided.add(words, at) && !deleted) live.add(words, at);
    });
  }
  const base = new KeySet(HASH_WORDS, Number.MAX_SAFE_INTEGER);
  let twiceInBase = 0;
  await eachKey(tableDirectory, part, parts, checks, (words, at) => {
    if (base.add(words, at)) twiceInBase++;
    else if (!decided.add(words, at)) live.add(words, at);
  });
  return { live, twiceInBase };
}

type OnKey = (words: Int32Array, at: number, deleted: boolean) => void;

async function eachKey(
  directory: string,
  part: number,
  parts: number,
  { schema, primaryKey, signal, onRows }: SsTableChecks,
  onKey: OnKey,
): Promise<void> {
  const reader = await DatasetReader.open(directory);
  try {
    const hasher = KeyHasher.forPennon(keyTypes({ schema, primaryKey }));
    const columns = reader.columns.includes(TOMBSTONE) ? [...primaryKey, TOMBSTONE] : primaryKey;
    for await (const batch of reader.scan({ columns, batchRows: BATCH_ROWS })) {
      signal?.throwIfAborted();
      hashBatch(batch, primaryKey.length, hasher, part, parts, onKey);
      onRows(batch.numRows);
    }
  } finally {
    await reader.close();
  }
}

function hashBatch(
  { data, numRows }: RecordBatchLike,
  keys: number,
  hasher: KeyHasher,
  part: number,
  parts: number,
  onKey: OnKey,
): void {
  const columns = data.children ?? [];
  const hashes = new Uint32Array(HASH_WORDS * numRows);
  hasher.hash(columns.slice(0, keys), numRows, hashes);
  const words = new Int32Array(hashes.buffer);
  const tombstones = columns[keys];
  const bits: unknown = tombstones?.values;
  const offset = tombstones?.offset ?? 0;
  for (let row = 0; row < numRows; row++) {
    if ((hashes[HASH_WORDS * row] ?? 0) % parts !== part) continue;
    const bit = offset + row;
    const deleted = bits instanceof Uint8Array && (((bits[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) === 1;
    onKey(words, HASH_WORDS * row, deleted);
  }
}

/** What LanceDB returns of a part of the keys, through a handle of its own. */
async function readByLanceDb(
  tableDirectory: string,
  part: number,
  parts: number,
  live: KeySet,
  { lancedb, schema, primaryKey, signal, onRows }: SsTableChecks,
): Promise<{ readonly keys: number; readonly twice: number; readonly dead: number }> {
  const seen = new KeySet(HASH_WORDS, Number.MAX_SAFE_INTEGER);
  const hasher = KeyHasher.forPennon(keyTypes({ schema, primaryKey }));
  let twice = 0;
  let dead = 0;
  const connection = await lancedb.connect(dirname(tableDirectory));
  try {
    const table = await connection.openTable(basename(tableDirectory, DATASET_SUFFIX));
    for await (const batch of table.query().select([...primaryKey])) {
      signal?.throwIfAborted();
      hashBatch(batch, primaryKey.length, hasher, part, parts, (words, at) => {
        if (seen.add(words, at)) twice++;
        else if (!live.has(words, at)) dead++;
      });
      onRows(batch.numRows);
    }
  } finally {
    connection.close();
  }
  return { keys: seen.size, twice, dead };
}
