/**
 * Follows a shard: every batch of its log, puts and deletes, in order, those in memory first and then each new one when the log has it.
 *
 * @module
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Field, type RecordBatch, Schema, Struct, Utf8 } from "apache-arrow";
import { arrowData } from "../arrow/data.js";
import { recordBatch } from "../arrow/record-batch.js";
import { RowReader } from "../arrow/rows/row-reader.js";
import { GoneError } from "../errors.js";
import { TOMBSTONE } from "../lance/storage-schema.js";
import type { BatchStore } from "../store/batch-store.js";
import type { Memtable } from "../writer/memtable-set.js";
import { formatPosition, ORIGIN, type Position, parsePosition } from "../writer/position.js";
import { OPERATION } from "./table-schema.js";

/** From where, and until when. */
export interface FollowOptions {
  /** Begin behind this position, which `put`, `delete` or a change has given; `"oldest"`: with the oldest rows that are in memory. @default what comes from now on */
  readonly from?: Position | "oldest";
  /** Ends it: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What is followed. */
export interface Followed {
  readonly memtables: readonly Memtable[];
  /** WAL position of the next entry. */
  readonly nextEntry: number;
  /** The last entry whose rows are not in memory. */
  readonly replayAfter: number;
  /** What it stopped for, if it did. */
  readonly failure: Error | undefined;
  /** Aborts when the follower's handle is closed: then following ends. */
  readonly closed: AbortSignal;
}

/** Longest time between two looks. */
const RECHECK_MS = 500;
/** Events after which there may be more, of whichever table. */
const WAKING = ["pennon:flush", "pennon:error", "pennon:fence"];

/** Rows that were put or deleted together. */
export class Change<R = Record<string, unknown>> {
  /** Follow from here to go on behind this change. */
  readonly position: Position;
  /**
   * The rows as columns, views on shared memory as long as the table is open: those of the table, of a deleted row all but the key null,
   * and `_op`.
   */
  readonly batch: RecordBatch;
  readonly #reader: RowReader;

  constructor(position: Position, batch: RecordBatch, reader: RowReader) {
    this.position = position;
    this.batch = batch;
    this.#reader = reader;
  }

  /** The rows as objects, in order. */
  rows(): R[] {
    const rows: unknown[] = this.#reader.readAll(this.batch);
    return rows as R[]; // typed by whoever knows the schema
  }
}

/**
 * @param storage schema of the memtables
 * @throws UsageError when `from` is not a position
 * @throws GoneError when the rows behind it are not in memory any more, or never came to be
 */
export function followTable<R>(
  followed: Followed,
  storage: Schema,
  options: FollowOptions,
): AsyncGenerator<Change<R>, void> {
  const { from } = options;
  const start = from === undefined ? undefined : parsePosition(from === "oldest" ? ORIGIN : from);
  if (start !== undefined && from !== "oldest") {
    if (start.entry <= followed.replayAfter && followed.replayAfter > 0) {
      throw new GoneError(
        `the rows behind position ${from} are not in the log any more; follow from "oldest" to get what is`,
      );
    }
    if (start.entry >= followed.nextEntry) {
      throw new GoneError(
        `position ${from} is ahead of the log, which ends before entry ${followed.nextEntry}: its rows were lost`,
      );
    }
  }
  return changes(followed, new ChangeMaker<R>(storage), start, options.signal);
}

async function* changes<R>(
  followed: Followed,
  maker: ChangeMaker<R>,
  start: { readonly entry: number; readonly batch: number } | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Change<R>, void> {
  const wake = new Wake([followed.closed, ...(signal === undefined ? [] : [signal])]);
  try {
    const at = start === undefined ? newest(followed) : placeBehind(followed, start);
    const after = start === undefined ? "" : formatPosition(start.entry, start.batch);
    for (;;) {
      signal?.throwIfAborted();
      if (followed.closed.aborted) return;
      const memtable = followed.memtables[at.memtable];
      const more = followed.memtables.length > at.memtable + 1; // before the length: then the memtable is complete
      if (memtable !== undefined && at.position < memtable.store.durable) {
        const change = maker.change(memtable, at.position++);
        // A put of memory durability has a position before its entry is in the log, where `placeBehind` cannot find it.
        if (change.position > after) yield change;
      } else if (memtable !== undefined && more && at.position >= memtable.store.length) {
        at.memtable++;
        at.position = 0;
      } else {
        if (followed.failure !== undefined) throw followed.failure;
        await wake.next();
      }
    }
  } finally {
    wake.close();
  }
}

interface Place {
  memtable: number;
  position: number;
}

/** Behind everything that is in the log. */
function newest({ memtables }: Followed): Place {
  const memtable = memtables.findIndex(({ store }) => store.durable < store.length);
  const last = memtable < 0 ? Math.max(0, memtables.length - 1) : memtable;
  return { memtable: last, position: memtables[last]?.store.durable ?? 0 };
}

/** The first batch behind a position. */
function placeBehind({ memtables }: Followed, { entry, batch }: { entry: number; batch: number }): Place {
  for (const [number, memtable] of memtables.entries()) {
    for (const range of memtable.entries) {
      if (range.entry > entry) return { memtable: number, position: range.from };
      if (range.entry === entry) return { memtable: number, position: Math.min(range.from + batch + 1, range.to) };
    }
  }
  return newestEntryEnd(memtables);
}

/** Behind the last batch that has an entry. */
function newestEntryEnd(memtables: readonly Memtable[]): Place {
  const memtable = Math.max(
    0,
    memtables.findLastIndex(({ entries }) => entries.length > 0),
  );
  return { memtable, position: memtables[memtable]?.entries.at(-1)?.to ?? 0 };
}

/** Makes changes of stored batches. */
class ChangeMaker<R> {
  readonly #schema: Schema;
  readonly #type: Struct;
  readonly #reader: RowReader;

  constructor(storage: Schema) {
    const columns = storage.fields.filter((field) => field.name !== TOMBSTONE);
    const fields = [...columns, new Field(OPERATION, new Utf8(), false)];
    this.#schema = new Schema(fields, storage.metadata);
    this.#type = new Struct(fields);
    this.#reader = new RowReader(this.#schema);
  }

  change({ store, entries }: Memtable, position: number): Change<R> {
    const range = entries.findLast(({ from }) => from <= position);
    const stored = store.get(position);
    if (range === undefined || stored === undefined) throw new Error(`batch ${position} is durable and in no entry`);
    const columns = stored.recordBatch.data.children.slice(0, -1);
    const operations = arrowData(new Utf8(), stored.rows, 0, operationsOf(store, position, stored.rows));
    const batch = recordBatch(this.#schema, this.#type, stored.rows, [...columns, operations]);
    return new Change(formatPosition(range.entry, position - range.from), batch, this.#reader);
  }
}

function operationsOf(store: BatchStore, position: number, rows: number) {
  const tombstones = store.column(TOMBSTONE).values(position);
  const offsets = new Int32Array(rows + 1);
  const words: string[] = [];
  for (let row = 0; row < rows; row++) {
    const deleted = ((Number(tombstones?.[row >>> 3] ?? 0) >>> (row & 7)) & 1) === 1;
    const word = deleted ? "delete" : "put";
    words.push(word);
    offsets[row + 1] = (offsets[row] ?? 0) + word.length;
  }
  return { offsets, values: Buffer.from(words.join("")) };
}

/** Wakes a follower when a log has moved, and twice a second in any case. */
class Wake {
  readonly #signals: readonly AbortSignal[];
  #resolve: (() => void) | undefined;
  #moved = false;
  readonly #wake = (): void => {
    this.#moved = true;
    this.#resolve?.();
  };

  constructor(signals: readonly AbortSignal[]) {
    this.#signals = signals;
    for (const signal of signals) signal.addEventListener("abort", this.#wake);
    for (const name of WAKING) subscribe(name, this.#wake);
  }

  /** Resolves when something has happened since the last call. Keeps the process alive meanwhile. */
  async next(): Promise<void> {
    if (!this.#moved) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        timer = setTimeout(resolve, RECHECK_MS);
      });
      clearTimeout(timer);
    }
    this.#resolve = undefined;
    this.#moved = false;
  }

  close(): void {
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#wake);
    for (const name of WAKING) unsubscribe(name, this.#wake);
  }
}
