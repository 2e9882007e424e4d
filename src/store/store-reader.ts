/**
 * The reading side of a store, which its writer has too: batches, raw columns, waiting.
 *
 * Every method loads the committed length first and looks at nothing beyond it (invariant 3).
 *
 * @module
 */
import { type RecordBatch, type Schema, Struct } from "apache-arrow";
import { type BatchPlan, compileBatchPlan } from "../arrow/batch-plan.js";
import type { Column } from "../arrow/columns/column.js";
import { type DictionaryMessage, messagesInForce } from "../arrow/dictionaries.js";
import { END_OF_STREAM } from "../arrow/message.js";
import { MessageReader } from "../arrow/message-reader.js";
import { recordBatch } from "../arrow/record-batch.js";
import { reverseBatch } from "../arrow/reverse.js";
import { decodeSchemaMessage } from "../arrow/schema.js";
import { GoneError, UsageError } from "../errors.js";
import type { Kernels } from "../kernels/interface.js";
import type { NumberKind, Statistics } from "../kernels/statistics.js";
import type { Arena } from "./arena.js";
import { BatchIterator, type BatchRange, bound, clampRange } from "./batch-range.js";
import type { Control, Identity } from "./control.js";
import { HEADER_BYTES } from "./layout.js";
import { type ColumnPath, findColumn, RawColumn } from "./raw-column.js";
import { Scratch } from "./scratch.js";
import { StoreLedger } from "./store-ledger.js";
import { BatchCache, type MakeRecordBatch, StoredBatch } from "./stored-batch.js";
import { Waiting, type WaitOptions } from "./waiting.js";

/** How a thread reads. */
export interface ReaderOptions {
  /**
   * Batches whose objects this thread keeps, the newest at each place: see `BatchCache`. An Arrow view takes 2-4 KB of heap.
   * @default 4096
   */
  readonly cachedBatches?: number;
}

const DEFAULT_CACHED_BATCHES = 4_096;

export class StoreReader extends StoreLedger {
  /** Schema of all batches, as this thread's copy of apache-arrow has it. */
  readonly schema: Schema;
  protected readonly plan: BatchPlan;
  readonly #rowType: Struct;
  readonly #messages: MessageReader;
  readonly #cache: BatchCache;
  readonly #waiting: Waiting;
  readonly #scratch: Scratch;
  #rawColumns: readonly RawColumn[] | undefined;
  readonly #at = (position: number): StoredBatch => this.#known(position);
  /** Another one in each use of the memory, so that batches of a former use are known and refused. */
  #make = this.#maker();

  protected constructor(arena: Arena, control: Control, identity: Identity, options: ReaderOptions) {
    super(arena, control, identity);
    const cachedBatches = options.cachedBatches ?? DEFAULT_CACHED_BATCHES;
    if (!(Number.isInteger(cachedBatches) && cachedBatches >= 1 && cachedBatches <= 2 ** 24)) {
      throw new UsageError(`cachedBatches is ${String(cachedBatches)}; expected a whole number from 1 to 16777216`);
    }
    this.schema = decodeSchemaMessage(this.#schemaMessage());
    this.plan = compileBatchPlan(this.schema);
    this.#rowType = new Struct(this.schema.fields);
    this.#messages = new MessageReader(arena, this.plan.template);
    this.#cache = new BatchCache(cachedBatches);
    this.#waiting = new Waiting(control);
    this.#scratch = new Scratch(arena, control, identity);
  }

  // --- batches -------------------------------------------------------------------------------------------------------

  /**
   * The batch at `position`, undefined when it is not committed (yet).
   *
   * @throws UsageError when `position` is negative or not a whole number
   */
  get(position: number): StoredBatch | undefined {
    const { length } = this;
    if (!(Number.isInteger(position) && position >= 0)) {
      throw new UsageError(`position is ${String(position)}; expected a whole number, 0 or more`);
    }
    return position < length ? this.#known(position) : undefined;
  }

  /** The Arrow view of the batch at `position`; see {@link get}. */
  recordBatch(position: number): RecordBatch | undefined {
    return this.get(position)?.recordBatch;
  }

  /** Iterates over the batches of a range, as of now. */
  iterate(range: BatchRange = {}): BatchIterator {
    const { from, to } = clampRange(range, this.length);
    return new BatchIterator(this.#at, from, to, range.reverse ?? false);
  }

  [Symbol.iterator](): BatchIterator {
    return this.iterate();
  }

  /** The batches of a range. */
  storedBatches(range: BatchRange = {}): StoredBatch[] {
    return [...this.iterate(range)];
  }

  /**
   * The Arrow views of the batches of a range.
   *
   * @param range with `reverseRows`, the rows of each batch are in reverse order too, so that with `reverse` all rows come newest first;
   * such batches are plain copies
   */
  batches(range: BatchRange & { readonly reverseRows?: boolean } = {}): RecordBatch[] {
    const batches = this.storedBatches(range);
    if (!range.reverseRows) return batches.map((batch) => batch.recordBatch);
    const { reverser } = this.#scratch;
    return batches.map((batch) => {
      reverser?.startBatch(this.#flatBytes(batch.position));
      return reverseBatch(batch.recordBatch, reverser);
    });
  }

  /** The positions of a range. */
  positions(range: BatchRange = {}): number[] {
    const { from, to } = clampRange(range, this.length);
    const positions = Array.from({ length: to - from }, (_, i) => from + i);
    return range.reverse ? positions.reverse() : positions;
  }

  /** True when the batch at `position` is committed and below the visibility bound, an exclusive count of batches. */
  isVisible(position: number, visible: number): boolean {
    const { length } = this;
    return bound(position, "position") < Math.min(bound(visible, "visible"), length);
  }

  /**
   * The raw path to a column: typed arrays and addresses without Arrow objects.
   *
   * @param path name or number of a field, or a list of them that leads to a child (the item of a list is child 0)
   * @throws UsageError when there is no such field
   */
  column(path: ColumnPath): RawColumn {
    this.#rawColumns ??= this.plan.columns.map((column) => new RawColumn(column, this.#locate));
    return findColumn(this.#rawColumns, this.schema.fields, path);
  }

  /** This thread's kernels on the store's memory; the addresses they take are those of {@link column}. */
  get kernels(): Kernels {
    return this.arena.kernels;
  }

  /**
   * Statistics of a column of numbers in one batch, by a kernel and in place: rows that are not null, minimum, maximum, exact sum,
   * and a checksum that adds up over batches, modulo 2^32, to that of the whole column.
   *
   * @param kind what the values are; of the same width as the column's
   * @param firstRow ordinal of the batch's first row, for the checksum
   */
  statistics(kind: NumberKind, column: RawColumn, position: number, firstRow = 0): Statistics {
    return this.#scratch.statistics(kind, column, position, firstRow);
  }

  /**
   * The bytes of a range of batches as they lie, as an Arrow IPC stream: schema message, the dictionaries in force at its start,
   * the messages, end-of-stream. Written out one after the other they are what `tableFromIPC` reads. Views on shared memory:
   * copy them for `fetch`, `Response` and other interfaces that refuse it.
   */
  ipcParts(from = 0, to: number = Number.POSITIVE_INFINITY): Uint8Array[] {
    const range = clampRange({ from, to }, this.length);
    const parts = [this.#schemaMessage()];
    if (range.from < range.to) {
      const { slots } = this;
      const last = range.to - 1;
      const begin = slots.start(range.from);
      for (const { start, bytes } of this.#dictionariesAt(range.from)) parts.push(this.#view(start, bytes));
      parts.push(this.#view(begin, slots.start(last) + slots.length(last) - begin));
    }
    parts.push(END_OF_STREAM.slice());
    return parts;
  }

  // --- waiting -------------------------------------------------------------------------------------------------------

  /**
   * Resolves with the committed length when it has reached `length`, when the store is finished before that, or when `timeout` is
   * over: compare the result. Keeps the process alive meanwhile.
   *
   * @throws UsageError when the store can never hold as many; the signal's reason when it aborts; ClosedError when this handle is closed
   */
  async waitForLength(length: number, options: WaitOptions = {}): Promise<number> {
    this.#checkTarget(length);
    return this.#waiting.until(length, options);
  }

  /** As {@link waitForLength}, but blocks the thread; not for a browser's main thread. */
  waitForLengthSync(length: number, options: { readonly timeout?: number } = {}): number {
    this.#checkTarget(length);
    return this.#waiting.untilSync(length, options.timeout);
  }

  /**
   * The batches from position `from` on, those committed already and each later one as it is committed; ends when the store is finished
   * and all have been seen.
   */
  async *follow(
    options: { readonly from?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<StoredBatch, void> {
    let position = bound(options.from ?? 0, "from");
    const { signal } = options;
    const { generation } = this.control;
    for (;;) {
      const length = await this.#waiting.until(position + 1, signal === undefined ? {} : { signal });
      if (position >= length) return; // finished
      while (position < length) {
        signal?.throwIfAborted();
        this.assertOpen();
        if (this.control.generation !== generation) this.#throwGone();
        yield this.#known(position++);
      }
    }
  }

  // --- within --------------------------------------------------------------------------------------------------------

  /** Ends waits, gives back what this handle holds. */
  protected closeReader(): void {
    this.markClosed();
    this.#waiting.close();
    this.#scratch.release();
    this.#cache.clear();
  }

  /** Forgets what was read, when the memory is used anew. */
  protected forget(): void {
    this.#cache.clear();
    this.#messages.forget();
    this.#make = this.#maker();
  }

  /** The batch at a position that is known to be committed. */
  #known(position: number): StoredBatch {
    const kept = this.#cache.get(position);
    if (kept !== undefined) return kept;
    const { slots } = this;
    const batch = new StoredBatch(
      position,
      slots.rows(position),
      slots.rowsBefore(position),
      slots.bytes(position),
      slots.length(position),
      this.#make,
    );
    this.#cache.set(batch);
    return batch;
  }

  /** Bytes of the values and 32-bit offsets of columns without children, each rounded up to a multiple of 8. */
  #flatBytes(position: number): number {
    const reader = this.#locate(position);
    let bytes = 0;
    for (const column of this.plan.columns) {
      const values = column.bufferOf("values");
      const offsets = column.bufferOf("offsets");
      if (values === undefined || (offsets !== undefined && column.offsetWidth === 8)) continue;
      bytes += 8 * Math.ceil(reader.byteLength(values) / 8);
      if (offsets !== undefined) bytes += 8 * Math.ceil(reader.byteLength(offsets) / 8);
    }
    return bytes;
  }

  #maker(): MakeRecordBatch {
    const make = (position: number): RecordBatch => {
      if (make !== this.#make) this.#throwGone();
      return this.#makeRecordBatch(position);
    };
    return make;
  }

  #makeRecordBatch(position: number): RecordBatch {
    this.assertOpen(); // the memory may be in other use by now
    const { slots, plan } = this;
    const reader = this.#messages.at(slots.start(position), slots.dictionarySet(position));
    const children = plan.columns.map((column: Column) => column.read(reader));
    return recordBatch(this.schema, this.#rowType, slots.rows(position), children);
  }

  readonly #locate = (position: number): MessageReader => {
    const { length } = this;
    if (!(Number.isInteger(position) && position >= 0 && position < length)) {
      throw new UsageError(`there is no batch at position ${String(position)}: the store holds ${length}`);
    }
    return this.#messages.at(this.slots.start(position), this.slots.dictionarySet(position));
  };

  #schemaMessage(): Uint8Array {
    return this.#view(HEADER_BYTES, this.identity.schemaBytes);
  }

  #dictionariesAt(position: number): DictionaryMessage[] {
    return messagesInForce(this.arena, this.slots.dictionarySet(position), this.plan.dictionaries.length);
  }

  #view(start: number, bytes: number): Uint8Array {
    return new Uint8Array(this.arena.buffer, start, bytes);
  }

  #checkTarget(length: number): void {
    this.assertOpen();
    if (!(Number.isInteger(length) && length >= 0 && length <= this.capacity)) {
      throw new UsageError(
        `cannot wait for ${String(length)} batches; expected a whole number from 0 to ${this.capacity} (the capacity)`,
      );
    }
  }

  #throwGone(): never {
    throw new GoneError("the store's memory has been recycled since; its former batches are gone");
  }
}
