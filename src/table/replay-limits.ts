/**
 * How much log LanceDB can replay, and the configuration we give a table so that it is enough.
 *
 * When replay itself fills a memtable, LanceDB 0.39 writes an SSTable without `_pk_index`, after which queries on the table fail for good
 * ("Not found: …/_pk_index/page_lookup.lance"), or does not open the table at all ("MemTable batch store is full"). So the log that no
 * SSTable covers stays below the bounds of a memtable, which are in the table's write spec, as strings (`writerConfigDefaults`). What is
 * missing there, or is not a whole number, LanceDB takes for its default, and so do we.
 *
 * | bound | fills a memtable when (measured) | LanceDB's default | ours |
 * |---|---|---|---|
 * | `max_memtable_rows` | rows > it | 100,000 | 20,000,000 |
 * | `max_memtable_batches` | batches > it | 8,000 | 200,000 |
 * | `max_memtable_size` | bytes of the rows ≥ it; **each batch counts its dictionaries whole** | 256 MiB | 2 GiB |
 * | `max_unflushed_memtable_bytes` | the same + 25-45 bytes of key index a row ≥ it | 1 GiB | 8 GiB |
 *
 * What a log costs LanceDB to open, with bounds above it (2 cores, one table of int64, float64, utf8; the first query is `select id` of all
 * rows, the close writes one SSTable):
 *
 * | log | open | memory | first query | close | memory at most |
 * |---|---|---|---|---|---|
 * | none, any bounds | 0.11 s | | | | nothing is reserved: 76 bytes of address space a batch |
 * | 3,000,000 rows in 300 batches | 0.4 s | 0.2 GB | 1.0 s | 2.1 s | 0.8 GB |
 * | 20,000,000 rows in 2,000 batches | 2.9 s | 1.1 GB | 7.4 s | 18 s | 4.3 GB |
 * | 1 GiB in 1,050 batches | 2.6 s | 1.1 GB | 0.4 s | 1.0 s | 1.4 GB |
 * | 3 GiB in 800 batches | 10 s | 3.1 GB | 0.3 s | 1.1 s | 3.4 GB |
 * | 100,100 batches of one row | 0.4 s | 0.1 GB | 9.1 s | 3.7 s | 0.9 GB |
 * | 500,500 batches of one row | 2.3 s | 0.5 GB | 34 s | 13 s | 3.0 GB |
 *
 * Batches cost a query 90 µs each and bytes a writer of LanceDB's as much memory, so those stay at 200,000 and 2 GiB.
 *
 * A table with an index that LanceDB maintains while it writes (a vector index above all) has 538 bytes for each row of
 * `max_memtable_rows` reserved and allocated by LanceDB's writer, which refuses to open when that and `max_memtable_size` are more than
 * `max_unflushed_memtable_bytes`. Such a table gets 1,000,000 rows.
 *
 * A table with a dictionary-encoded column gets bounds of bytes that are never reached (1 and 4 TiB): 10,000 small batches that share a
 * dictionary of 1 MiB count as 10 GiB, and take 10 MiB.
 *
 * @module
 */
import { Type } from "apache-arrow";
import type { SchemaLike, TypeLike } from "../arrow/shape.js";

/** What the log beyond the SSTables may hold. */
export interface ReplayLimits {
  readonly maxLogRows: number;
  readonly maxLogBatches: number;
  /** Bytes of the entries, the dictionaries counted once for each batch that uses them. */
  readonly maxLogBytes: number;
}

const LANCEDB_DEFAULTS = {
  max_memtable_rows: 100_000,
  max_memtable_batches: 8_000,
  max_memtable_size: 256 * 2 ** 20,
} as const;

const OURS = {
  max_memtable_rows: "20000000",
  max_memtable_batches: "200000",
  max_memtable_size: String(2 * 2 ** 30),
  max_unflushed_memtable_bytes: String(8 * 2 ** 30),
} as const;

/** `max_memtable_rows` of a table with maintained indexes. */
const ROWS_WITH_INDEXES = "1000000";

/** In place of two of those, for a table with dictionaries. */
const UNBOUNDED_BYTES = {
  max_memtable_size: String(2 ** 40),
  max_unflushed_memtable_bytes: String(4 * 2 ** 40),
} as const;

/** Bytes of log at most, whatever LanceDB could take: see the table above. */
const MOST_BYTES = Number(OURS.max_memtable_size);

/** Part of a bound that the log may use: LanceDB's accounts of bytes are not ours to the byte. */
const MARGIN = 0.95;

/** The writer's configuration of a table that we set up. */
export function writerConfig(table: {
  readonly maintainsIndexes: boolean;
  readonly schema: SchemaLike;
}): Record<string, string> {
  return {
    ...OURS,
    ...(table.maintainsIndexes ? { max_memtable_rows: ROWS_WITH_INDEXES } : {}),
    ...(table.schema.fields.some(({ type }) => hasDictionary(type)) ? UNBOUNDED_BYTES : {}),
  };
}

/** What the log of a table with this configuration may hold. */
export function replayLimits(config: Readonly<Record<string, string>> = {}): ReplayLimits {
  const limit = (key: keyof typeof LANCEDB_DEFAULTS): number =>
    Math.floor(bound(config[key], LANCEDB_DEFAULTS[key]) * MARGIN);
  return {
    maxLogRows: limit("max_memtable_rows"),
    maxLogBatches: limit("max_memtable_batches"),
    maxLogBytes: Math.min(limit("max_memtable_size"), Math.floor(MOST_BYTES * MARGIN)),
  };
}

/** As LanceDB reads it: unsigned 64 bits, in digits; anything else is its default. */
function bound(text: string | undefined, fallback: number): number {
  if (text === undefined || !/^\+?\d+$/.test(text) || BigInt(text) >= 1n << 64n) return fallback;
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

function hasDictionary(type: TypeLike): boolean {
  return type.typeId === Type.Dictionary || (type.children ?? []).some((child) => hasDictionary(child.type));
}
