/**
 * Looks rows up by their keys: in the memtables, newest first, by their index; then in the SSTables, newest first; then in the base table.
 * Each key is looked for until its first row is found, which may be a deletion.
 *
 * SSTables are asked only for keys that their filters do not rule out. When enough has been looked up, the keys of all SSTables are
 * in memory (`ss-table-keys.ts`): then it is known which one to ask, and for which row.
 *
 * @module
 */
import { type Data, type RecordBatch, Struct } from "apache-arrow";
import { recordBatch } from "../arrow/record-batch.js";
import type { RecordBatchLike } from "../arrow/shape.js";
import { takeData } from "../arrow/take.js";
import { CorruptError } from "../errors.js";
import { NOT_FOUND } from "../kernels/key-index.js";
import type { DatasetReader } from "../lance/dataset-reader.js";
import { KeyHasher } from "../lance/key-hasher.js";
import { keyPredicate, keyTexts, maxPredicateKeys } from "../lance/key-predicate.js";
import { TOMBSTONE } from "../lance/storage-schema.js";
import { DatasetBatch, type RowsOf } from "./dataset-tier.js";
import type { CapturedMemtable } from "./memtable-tier.js";
import type { CapturedSsTable, Snapshot } from "./snapshot.js";
import type { SsTableKeyView } from "./ss-table-keys.js";
import { isMarked } from "./tombstones.js";

/** Looked through at once; small batches would take longer than the looking. */
const BATCH_ROWS = 16_384;

/** A row, in a batch of the table's schema. */
export interface FoundRow {
  readonly batch: RecordBatch;
  readonly row: number;
}

/** What is known of a key: its newest row, or that it is deleted; undefined when nothing was found yet. */
export type Finding = FoundRow | "deleted" | undefined;

/**
 * The live rows of a snapshot with these keys. Rows of memtables are views on their memory, valid until the snapshot is released.
 *
 * @param keys key columns in the order of the key, one row for each key, row 0 first; of the types of the table's
 * @returns for each key its row, undefined when there is none
 * @throws GoneError when files of the snapshot were removed; StorageError when LanceDB fails; CorruptError when a filter is damaged
 */
export async function findRows(snapshot: Snapshot, keys: readonly Data[]): Promise<(FoundRow | undefined)[]> {
  const done = snapshot.use();
  try {
    const findings = findInMemtables(snapshot.table, snapshot.memtables, keys);
    const search = new Search(snapshot.table, keys, findings);
    await search.inSsTables(snapshot);
    await search.inDataset(snapshot.base, search.pending);
    return findings.map((finding) => (finding === "deleted" ? undefined : finding));
  } finally {
    done();
  }
}

/** What the memtables say of these keys. @param memtables oldest first */
export function findInMemtables(
  table: RowsOf,
  memtables: readonly CapturedMemtable[],
  keys: readonly Data[],
): Finding[] {
  const count = keys[0]?.length ?? 0;
  const findings: Finding[] = Array.from({ length: count });
  const found = new Uint32Array(count);
  let missing = count;
  for (let i = memtables.length - 1; i >= 0 && missing > 0; i--) {
    const captured = memtables[i];
    if (captured === undefined) continue;
    captured.memtable.find(keys, captured.rows, found);
    for (let key = 0; key < count; key++) {
      const row = found[key] ?? NOT_FOUND;
      if (row === NOT_FOUND || findings[key] !== undefined) continue;
      findings[key] = rowOf(table, captured, row);
      missing--;
    }
  }
  return findings;
}

function rowOf({ schema }: RowsOf, { memtable }: CapturedMemtable, number: number): Finding {
  const { position, row } = memtable.locate(number);
  const tombstones = memtable.store.column(TOMBSTONE).values(position);
  if (tombstones instanceof Uint8Array && isMarked({ bytes: tombstones, offset: 0 }, row)) return "deleted";
  const stored = memtable.store.recordBatch(position);
  if (stored === undefined)
    throw new CorruptError(`a memtable has no batch ${position}, where row ${number} should be`);
  // The storage schema has the table's columns first.
  const columns = stored.data.children.slice(0, schema.fields.length);
  return { batch: recordBatch(schema, stored.data.type, stored.numRows, columns), row };
}

/** Of some keys those that are still looked for. */
class Search {
  readonly #table: RowsOf;
  readonly #keys: readonly Data[];
  readonly #findings: Finding[];
  readonly #columns: readonly string[];
  readonly #type: Struct;
  /** Numbers of keys, by their texts: a key may be asked for twice. */
  readonly #numbers = new Map<string, number[]>();

  /** @param findings so far; what is found is added to them */
  constructor(table: RowsOf, keys: readonly Data[], findings: Finding[]) {
    this.#table = table;
    this.#keys = keys;
    this.#findings = findings;
    this.#columns = table.schema.fields.map(({ name }) => name);
    this.#type = new Struct(table.schema.fields);
    const { pending } = this;
    if (pending.length === 0) return;
    const text = keyTexts(table.primaryKey, keys);
    for (const number of pending) {
      const known = this.#numbers.get(text(number));
      if (known === undefined) this.#numbers.set(text(number), [number]);
      else known.push(number);
    }
  }

  /** Numbers of the keys that nothing is known of, ascending. */
  get pending(): Uint32Array {
    return Uint32Array.from(this.#findings.flatMap((finding, number) => (finding === undefined ? [number] : [])));
  }

  async inSsTables(snapshot: Snapshot): Promise<void> {
    const { ssTables } = snapshot;
    const { pending } = this;
    if (ssTables.length === 0 || pending.length === 0) return;
    const view = await snapshot.ssTableKeysForLookup(pending.length);
    if (view !== undefined) await this.#inPlaces(ssTables, view, pending);
    else await this.#byFilters(ssTables);
  }

  /** The rows of a dataset with the keys of these numbers. */
  async inDataset(dataset: DatasetReader, numbers: Uint32Array): Promise<void> {
    const { primaryKey } = this.#table;
    const most = maxPredicateKeys(primaryKey.length);
    for (let start = 0; start < numbers.length; start += most) {
      const some = numbers.subarray(start, start + most);
      const filter = keyPredicate(primaryKey, this.#keys, some);
      const columns = this.#columnsOf(dataset);
      for await (const batch of dataset.scan({ columns, filter, limit: some.length, batchRows: BATCH_ROWS })) {
        this.#note(batch);
      }
    }
  }

  async #inPlaces(ssTables: readonly CapturedSsTable[], view: SsTableKeyView, pending: Uint32Array): Promise<void> {
    const places = view.locate(this.#some(pending));
    const offsets = ssTables.map((): Set<number> => new Set());
    for (const place of places) if (place !== undefined) offsets[place.ssTable]?.add(place.offset);
    await Promise.all(
      ssTables.map(async ({ dataset }, i) => {
        const wanted = [...(offsets[i] ?? [])].sort((a, b) => a - b);
        if (wanted.length === 0) return;
        for (const batch of await dataset.take(wanted, this.#columnsOf(dataset))) this.#note(batch);
      }),
    );
    const lost = pending.find((number, i) => places[i] !== undefined && this.#findings[number] === undefined);
    if (lost === undefined) return;
    const text = keyTexts(this.#table.primaryKey, this.#keys)(lost);
    throw new CorruptError(`the row of the key ${text} is not where the SSTables had it when their keys were read`);
  }

  async #byFilters(ssTables: readonly CapturedSsTable[]): Promise<void> {
    const { pending } = this;
    const hashes = new Uint32Array(2 * pending.length);
    const some = this.#some(pending);
    KeyHasher.forPennon(some.map(({ type }) => type)).hash(some, pending.length, hashes);
    for (const { dataset, filter } of [...ssTables].reverse()) {
      const known = await filter();
      const asked = pending.filter((number, i) => {
        if (this.#findings[number] !== undefined) return false;
        return known?.mightHold(hashes[2 * i] ?? 0, hashes[2 * i + 1] ?? 0) ?? true;
      });
      await this.inDataset(dataset, asked);
    }
  }

  /** The keys of these numbers alone. */
  #some(numbers: Uint32Array): readonly Data[] {
    if (numbers.length === this.#findings.length) return this.#keys;
    return this.#keys.map((data) => takeData(data, numbers));
  }

  #columnsOf({ columns }: DatasetReader): readonly string[] {
    return columns.includes(TOMBSTONE) ? [...this.#columns, TOMBSTONE] : this.#columns;
  }

  /** Takes rows in that were found. */
  #note(read: RecordBatchLike): void {
    const rows = new DatasetBatch(read, this.#table, this.#columns);
    const tombstones = rows.tombstones();
    const text = keyTexts(this.#table.primaryKey, rows.keys());
    const batch = recordBatch(this.#table.schema, this.#type, rows.rows, [...rows.columns()]);
    for (let row = 0; row < rows.rows; row++) {
      const deleted = tombstones !== undefined && isMarked(tombstones, row);
      for (const number of this.#numbers.get(text(row)) ?? []) {
        this.#findings[number] ??= deleted ? "deleted" : { batch, row };
      }
    }
  }
}
