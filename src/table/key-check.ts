/**
 * Whether the columns of a base table can be its primary key: no value is null, and no two rows have the same ones.
 *
 * The key columns are read as a stream. Hashes of 64 bits are kept, in a set of bounded size: where a table has more rows than fit, it is read
 * several times, each time for a part of the keys. Only where hashes are the same the columns are read once more, and the keys themselves
 * compared: two keys are never taken for one.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import type { DataLike, RecordBatchLike } from "../arrow/shape.js";
import { KeySet } from "../compact/key-set.js";
import { UsageError } from "../errors.js";
import { bytesOf, longAt } from "../kernels/plain/views.js";
import { DatasetReader } from "../lance/dataset-reader.js";
import { KeyHasher } from "../lance/key-hasher.js";
import { type KeyColumn, keyColumn, keyKindOf } from "../lance/key-types.js";

/** Which columns are checked, of which table. */
export interface CheckedKey {
  /** `<database>/<table>.lance` */
  readonly tableDirectory: string;
  /** Version of the base table. */
  readonly version: number;
  readonly schema: Schema;
  /** Columns of the key, in its order. */
  readonly primaryKey: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Told how many rows have been read so far, of how many. */
  readonly onRows?: ((read: number, total: number) => void) | undefined;
}

/** Keys of one part: their set takes 230 MB at most, while it grows. */
const MOST_KEYS = 8_000_000;
const BATCH_ROWS = 65_536;
const HASH_WORDS = 2;
/** Hashes that several rows have, which are looked at; there may be more. */
const MOST_TWICE = 100_000;
const MOST_EXAMPLES = 3;
const MOST_EXAMPLE_CHARS = 40;

/**
 * @throws UsageError with the numbers and the first examples, when a value is null or rows have the same key
 * @throws GoneError when the version was removed meanwhile; StorageError when LanceDB fails; the signal's reason
 */
export async function assertKeys(key: CheckedKey): Promise<void> {
  const reader = await DatasetReader.open(key.tableDirectory, key.version);
  try {
    if (reader.rows === 0) return;
    const check = new KeyCheck(reader, key);
    const found = await check.run();
    if (found !== undefined) throw new UsageError(problemOf(found, key));
  } finally {
    await reader.close();
  }
}

/** What is wrong. */
interface Found {
  readonly nulls: number;
  /** Rows whose key an earlier row has, and keys that several rows have. */
  readonly duplicates: number;
  readonly twice: number;
  readonly examples: readonly string[];
  /** False when there may be more of them. */
  readonly exact: boolean;
}

class KeyCheck {
  readonly #reader: DatasetReader;
  readonly #key: CheckedKey;
  readonly #hasher: KeyHasher;
  /** How often the rows are read. */
  readonly #parts: number;
  #read = 0;

  constructor(reader: DatasetReader, key: CheckedKey) {
    this.#reader = reader;
    this.#key = key;
    const types = key.primaryKey.flatMap((name) => key.schema.fields.filter((field) => field.name === name));
    this.#hasher = KeyHasher.forPennon(types.map(({ type }) => type));
    this.#parts = Math.ceil(reader.rows / MOST_KEYS);
  }

  async run(): Promise<Found | undefined> {
    const twice = new KeySet(HASH_WORDS, MOST_TWICE);
    let nulls = 0;
    for (let part = 0; part < this.#parts; part++) {
      const seen = new KeySet(HASH_WORDS, Number.MAX_SAFE_INTEGER);
      for await (const batch of this.#batches()) {
        if (part === 0) nulls += batch.nulls;
        this.#each(batch, (words, at) => {
          if (((words[at] ?? 0) >>> 0) % this.#parts === part && seen.add(words, at)) twice.add(words, at);
        });
      }
    }
    const rows = twice.size === 0 ? NO_DUPLICATES : await this.#compare(twice);
    if (nulls === 0 && rows.twice === 0) return undefined;
    return { nulls, ...rows };
  }

  /** Looks at the keys themselves whose hashes several rows have. */
  async #compare(twice: KeySet): Promise<Omit<Found, "nulls">> {
    const counts = new Map<string, number>();
    for await (const batch of this.#batches()) {
      const columns = batch.columns.map((data) => keyColumn(keyKindOf(data.type), data));
      this.#each(batch, (words, at) => {
        if (!twice.has(words, at)) return;
        const row = at / HASH_WORDS;
        const text = columns.map((column) => keyText(column, row)).join(", ");
        counts.set(text, (counts.get(text) ?? 0) + 1);
      });
    }
    const several = [...counts].filter(([, count]) => count > 1);
    return {
      duplicates: several.reduce((sum, [, count]) => sum + count - 1, 0),
      twice: several.length,
      examples: several.slice(0, MOST_EXAMPLES).map(([text, count]) => `${short(text)} (${count} times)`),
      exact: !twice.isFull,
    };
  }

  async *#batches(): AsyncGenerator<CheckedBatch, void> {
    const { primaryKey, signal, onRows } = this.#key;
    const total = this.#reader.rows * this.#parts;
    for await (const batch of this.#reader.scan({ columns: primaryKey, batchRows: BATCH_ROWS })) {
      signal?.throwIfAborted();
      yield checkedBatch(batch);
      this.#read += batch.numRows;
      onRows?.(Math.min(this.#read, total), total);
    }
  }

  #each({ columns, rows, isNull }: CheckedBatch, onKey: (words: Int32Array, at: number) => void): void {
    const hashes = new Uint32Array(HASH_WORDS * rows);
    this.#hasher.hash(columns, rows, hashes);
    const words = new Int32Array(hashes.buffer);
    for (let row = 0; row < rows; row++) if (!isNull(row)) onKey(words, HASH_WORDS * row);
  }
}

const NO_DUPLICATES = { duplicates: 0, twice: 0, examples: [], exact: true };

/** A batch of key columns. */
interface CheckedBatch {
  readonly columns: readonly DataLike[];
  readonly rows: number;
  /** Rows in which one of the columns is null, and which these are. */
  readonly nulls: number;
  readonly isNull: (row: number) => boolean;
}

function checkedBatch({ data, numRows }: RecordBatchLike): CheckedBatch {
  const columns = data.children ?? [];
  const bitmaps = columns.flatMap(({ nullBitmap, offset }) =>
    nullBitmap && nullBitmap.byteLength > 0 ? [{ bits: bytesOf(nullBitmap), offset }] : [],
  );
  if (bitmaps.length === 0) return { columns, rows: numRows, nulls: 0, isNull: () => false };
  const isNull = (row: number): boolean =>
    bitmaps.some(({ bits, offset }) => (((bits[(offset + row) >>> 3] ?? 0) >>> ((offset + row) & 7)) & 1) === 0);
  let nulls = 0;
  for (let row = 0; row < numRows; row++) if (isNull(row)) nulls++;
  return { columns, rows: numRows, nulls, isNull };
}

/** A value that no other value has the text of. */
function keyText(column: KeyColumn, row: number): string {
  if ("bytes" in column) {
    const { kind, bytes, offsets } = column;
    const value = Buffer.from(bytes.subarray(longAt(offsets, row), longAt(offsets, row + 1)));
    return kind.endsWith("utf8") ? JSON.stringify(value.toString("utf8")) : `0x${value.toString("hex")}`;
  }
  const { kind, words } = column;
  if (kind === "int32") return String(words[row] ?? 0);
  return String((BigInt(words[2 * row + 1] ?? 0) << 32n) | BigInt((words[2 * row] ?? 0) >>> 0));
}

function short(text: string): string {
  return text.length > MOST_EXAMPLE_CHARS ? `${text.slice(0, MOST_EXAMPLE_CHARS)}…` : text;
}

function problemOf({ nulls, duplicates, twice, examples, exact }: Found, key: CheckedKey): string {
  const names = key.primaryKey.map((name) => JSON.stringify(name)).join(", ");
  const what: string[] = [];
  if (nulls > 0) what.push(`${counted(nulls, "row")} without a value in it`);
  if (duplicates > 0) {
    const least = exact ? "" : "at least ";
    const others = twice > examples.length ? ", …" : "";
    what.push(
      `${least}${counted(duplicates, "row")} whose value an earlier row has (${counted(twice, "value")}: ${examples.join(", ")}${others})`,
    );
  }
  return (
    `${names} cannot be the primary key of ${key.tableDirectory}: there ${nulls + duplicates === 1 ? "is" : "are"} ${what.join(", and ")}. ` +
    "Nothing was changed. Delete or mend these rows with LanceDB first, or choose another key"
  );
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
