/**
 * The keys of the SSTables of a shard that are not merged, in memory: whether a row of an older tier is hidden by one of them is then one
 * probe, however many SSTables there are, and where a key's newest row lies another.
 *
 * They are rows of memtables that have no other columns, appended SSTable after SSTable, oldest first, each in the order of its rows.
 * Rows are numbered through. So a key is hidden from the tier below SSTable number i when its newest row among those of the
 * snapshot's SSTables is not before the first of SSTable i, and SSTables merged since, which are always the oldest, hide nothing.
 *
 * ```
 *   segment 0                          segment 1
 *   │ gen 3 │ gen 4      │ gen 5 …     │ … gen 5 │ gen 6 │
 *   0       │            │                               │
 *           ▲ first row of a snapshot of SSTables 4 … 6  ▲ its bound
 * ```
 *
 * Filled when first needed, an SSTable at a time, and kept for later snapshots. A segment is dropped when all SSTables in it are older than
 * those of the newest view; views that need it still hold it.
 *
 * @module
 */
import { type Data, type RecordBatch, Schema, Struct } from "apache-arrow";
import { recordBatch } from "../arrow/record-batch.js";
import { FullError, TooLargeError } from "../errors.js";
import { NOT_FOUND } from "../kernels/key-index.js";
import type { DatasetReader } from "../lance/dataset-reader.js";
import { Memtable } from "../memtable/memtable.js";
import { batchRowsFor } from "./batch-rows.js";
import { DatasetBatch, type RowsOf } from "./dataset-tier.js";
import type { Shadow } from "./shadow.js";

const SEGMENT_BYTES = 2 ** 26;
const SEGMENT_BATCHES = 4_096;
const SEGMENT_ROWS = 2 ** 23;
const BATCH_ROWS = 8_192;
/** The keys of so many rows are read in the time that one lookup takes longer without them: 2 ms. */
const ROWS_A_LOOKUP = 3_000;

interface Segment {
  readonly memtable: Memtable;
  /** Number of its first row. */
  readonly first: number;
  rows: number;
}

/** Where the rows of an SSTable are. */
interface Span {
  readonly generation: number;
  readonly directory: string;
  readonly first: number;
  readonly end: number;
}

/** An SSTable whose keys are read. */
export interface KeyedSsTable {
  readonly generation: number;
  readonly directory: string;
  readonly dataset: Pick<DatasetReader, "rows" | "rowBytes" | "scan">;
}

export class SsTableKeys {
  readonly #table: RowsOf;
  readonly #schema: Schema;
  readonly #maxBytes: number;
  readonly #segmentBytes: number;
  #segments: Segment[] = [];
  #spans: Span[] = [];
  #rows = 0;
  /** Keys looked for since keys were read. */
  #lookups = 0;
  #filling: Promise<unknown> = Promise.resolve();

  /**
   * @param maxBytes of the keys of all segments; memory is only taken when keys come
   * @param segmentBytes of those of a segment
   */
  constructor(table: RowsOf, maxBytes: number, segmentBytes: number = SEGMENT_BYTES) {
    this.#table = table;
    this.#maxBytes = maxBytes;
    this.#segmentBytes = segmentBytes;
    this.#schema = keySchema(table);
  }

  /** Bytes of memory that are set aside for keys. */
  get bytes(): number {
    return this.#segments.length * this.#segmentBytes;
  }

  /**
   * The keys of these SSTables; those that are not known yet are read.
   *
   * @param ssTables of one snapshot, oldest first
   * @throws FullError when the keys do not fit; as `DatasetReader.scan`
   */
  view(ssTables: readonly KeyedSsTable[]): Promise<SsTableKeyView> {
    const view = this.#filling.then(() => this.#view(ssTables));
    this.#filling = view.catch(() => undefined);
    return view;
  }

  /**
   * The same for a lookup, which can do without: undefined when too little was looked for so far to make up for reading the keys, or they do
   * not fit.
   *
   * @param lookups how many keys are looked for
   */
  async viewForLookup(ssTables: readonly KeyedSsTable[], lookups: number): Promise<SsTableKeyView | undefined> {
    this.#lookups += lookups;
    const start = this.#startOf(ssTables);
    const missing = start === undefined ? ssTables : ssTables.slice(this.#spans.length - start);
    const rows = missing.reduce((sum, { dataset }) => sum + dataset.rows, 0);
    if (rows > this.#lookups * ROWS_A_LOOKUP) return undefined;
    if (rows > 0) this.#lookups = 0;
    try {
      return await this.view(ssTables);
    } catch (error) {
      if (error instanceof FullError) return undefined;
      throw error;
    }
  }

  async #view(ssTables: readonly KeyedSsTable[]): Promise<SsTableKeyView> {
    const start = this.#startOf(ssTables) ?? this.#startAnew();
    for (const ssTable of ssTables.slice(this.#spans.length - start)) await this.#fill(ssTable);
    this.#spans = this.#spans.slice(start);
    const first = this.#spans[0]?.first ?? this.#rows;
    this.#segments = this.#segments.filter((segment) => segment.first + segment.rows > first);
    return new SsTableKeyView(this.#segments, this.#spans.slice(0, ssTables.length));
  }

  /** Which span is that of the oldest of these; undefined when the spans from there on are not theirs. */
  #startOf(ssTables: readonly KeyedSsTable[]): number | undefined {
    const [oldest] = ssTables;
    const found = this.#spans.findIndex(({ generation }) => generation >= (oldest?.generation ?? 0));
    const start = found < 0 ? this.#spans.length : found;
    const agree = ssTables.every(({ generation, directory }, i) => {
      const span = this.#spans[start + i];
      return span === undefined || (span.generation === generation && span.directory === directory);
    });
    return agree ? start : undefined;
  }

  #startAnew(): number {
    this.#segments = [];
    this.#spans = [];
    this.#rows = 0;
    return 0;
  }

  async #fill({ generation, directory, dataset }: KeyedSsTable): Promise<void> {
    const { schema, primaryKey } = this.#table;
    const batchRows = batchRowsFor(schema, primaryKey, dataset.rowBytes, BATCH_ROWS);
    // What a fill that failed has left behind lies before the first row.
    const first = this.#rows;
    for await (const read of dataset.scan({ columns: primaryKey, batchRows })) {
      const batch = new DatasetBatch(read, this.#table, []);
      const type = new Struct(this.#schema.fields);
      this.#append(recordBatch(this.#schema, type, batch.rows, [...batch.keys()]));
    }
    this.#spans.push({ generation, directory, first, end: this.#rows });
  }

  #append(batch: RecordBatch): void {
    if (batch.numRows === 0) return;
    const segment = this.#segments.at(-1) ?? this.#addSegment();
    try {
      this.#appendTo(segment, batch);
    } catch (error) {
      if (error instanceof FullError && segment.rows > 0) this.#appendTo(this.#addSegment(), batch);
      else if (error instanceof TooLargeError && batch.numRows > 1) this.#appendHalves(batch);
      else throw error;
    }
  }

  #appendTo(segment: Segment, batch: RecordBatch): void {
    segment.memtable.append([batch]);
    segment.rows += batch.numRows;
    this.#rows += batch.numRows;
  }

  #appendHalves(batch: RecordBatch): void {
    const middle = batch.numRows >>> 1;
    this.#append(batch.slice(0, middle));
    this.#append(batch.slice(middle));
  }

  #addSegment(): Segment {
    if (this.bytes + this.#segmentBytes > this.#maxBytes) {
      throw new FullError(
        `the keys of the SSTables that are not merged yet do not fit into ${this.#maxBytes} bytes; merge them, or allow more`,
        "bytes",
      );
    }
    const memtable = Memtable.create({
      schema: this.#schema,
      primaryKey: this.#table.primaryKey,
      bytes: this.#segmentBytes,
      batches: SEGMENT_BATCHES,
      maxRows: SEGMENT_ROWS,
      prefault: false,
    });
    const segment = { memtable, first: this.#rows, rows: 0 };
    this.#segments.push(segment);
    return segment;
  }
}

/** The keys of the SSTables of one snapshot. */
export class SsTableKeyView {
  readonly #segments: readonly Segment[];
  readonly #spans: readonly Span[];

  /** @param spans of the SSTables, oldest first */
  constructor(segments: readonly Segment[], spans: readonly Span[]) {
    this.#segments = [...segments];
    this.#spans = spans;
  }

  /** Keys of the SSTables that are newer than number `place`, counted from the oldest; of all with -1. */
  shadows(place: number): Shadow[] {
    const from = place < 0 ? (this.#spans[0]?.first ?? 0) : (this.#spans[place]?.end ?? 0);
    return this.#shadowsFrom(from).map(({ shadow }) => shadow);
  }

  /**
   * Where the newest row of a key lies.
   *
   * @param keys key columns, row 0 first
   * @returns for each row of these the number of the SSTable, counted from the oldest, and the place of the row in it; undefined for none
   */
  locate(keys: readonly Data[]): (SsTablePlace | undefined)[] {
    const rows = keys[0]?.length ?? 0;
    const found = new Uint32Array(rows);
    const places: (SsTablePlace | undefined)[] = Array.from({ length: rows });
    for (const { shadow, first } of this.#shadowsFrom(this.#spans[0]?.first ?? 0)) {
      shadow.memtable.find(keys, shadow.rows, found);
      for (let i = 0; i < rows; i++) {
        const row = found[i] ?? NOT_FOUND;
        if (places[i] === undefined && row !== NOT_FOUND && row >= shadow.from) places[i] = this.#placeOf(first + row);
      }
    }
    return places;
  }

  #placeOf(row: number): SsTablePlace | undefined {
    const ssTable = this.#spans.findIndex(({ end }) => row < end);
    const span = this.#spans[ssTable];
    return span === undefined ? undefined : { ssTable, offset: row - span.first };
  }

  /** Newest segment first. */
  #shadowsFrom(from: number): { readonly shadow: Shadow; readonly first: number }[] {
    const bound = this.#spans.at(-1)?.end ?? 0;
    const shadows = this.#segments.map(({ memtable, first, rows }) => ({
      first,
      shadow: { memtable, from: Math.max(0, from - first), rows: Math.min(rows, bound - first) },
    }));
    return shadows.filter(({ shadow }) => shadow.rows > shadow.from).reverse();
  }
}

/** A row of an SSTable. */
export interface SsTablePlace {
  /** Number of the SSTable in the snapshot, counted from the oldest. */
  readonly ssTable: number;
  /** Place among its rows, as `DatasetReader.take` counts them. */
  readonly offset: number;
}

/** The key columns alone, in the order of the key. */
function keySchema({ schema, primaryKey }: RowsOf): Schema {
  return new Schema(primaryKey.flatMap((name) => schema.fields.filter((field) => field.name === name)));
}
