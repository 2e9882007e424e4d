/**
 * The writing side of a store: lays out batches behind the last one and publishes them.
 *
 * Who may write: the thread that holds the claim in the word `writer` (invariant 1), checked before anything is written and once more
 * before it is published. Order of events: see `layout.ts`. What is laid out but not published is kept in `#next`; an append that fails
 * drops it, and the next one starts from the same place (invariant 4).
 *
 * @module
 */
import type { BatchPlan } from "../arrow/batch-plan.js";
import { BodyWriter, malformed } from "../arrow/body-writer.js";
import { MAX_ROWS } from "../arrow/columns/column.js";
import { DictionaryWriter } from "../arrow/dictionaries.js";
import { schemaDifference } from "../arrow/schema.js";
import { isRecordBatchLike, type RecordBatchLike, type SchemaLike } from "../arrow/shape.js";
import { ClosedError, ConflictError, FullError, TooLargeError, UsageError } from "../errors.js";
import type { Arena } from "./arena.js";
import { type Control, claimId, type Identity } from "./control.js";
import { SLOT_BYTES } from "./layout.js";
import { SlotTable } from "./slots.js";

/** Where an appended batch is. */
export interface AppendResult {
  /** Position in the store, from 0. */
  readonly position: number;
  /** Rows in the store before this batch. */
  readonly rowOffset: number;
  /** Bytes of the batch's rows: its buffers without padding, of the slice that was appended. */
  readonly bytes: number;
}

interface Progress {
  /** Batches. */
  length: number;
  /** Address behind the last message. */
  tail: number;
  rows: number;
  bytes: number;
  dictionarySet: number;
}

export class StoreWriter {
  readonly #id = claimId();
  readonly #arena: Arena;
  readonly #control: Control;
  readonly #identity: Identity;
  readonly #slots: SlotTable;
  readonly #plan: BatchPlan;
  readonly #body: BodyWriter;
  #dictionaries: DictionaryWriter;
  /** What is published. */
  #done: Progress;
  /** What is laid out; equal to `#done` between appends. */
  #next: Progress;
  #acceptedSchema: SchemaLike | undefined;
  /** As the word STATE says: while this writer holds the claim nobody else changes it. */
  #finished: boolean;

  /** @throws ConflictError when another holds the claim and `takeover` is false */
  constructor(
    arena: Arena,
    control: Control,
    identity: Identity,
    slots: SlotTable,
    plan: BatchPlan,
    takeover: boolean,
  ) {
    const { kernels } = arena; // before the claim, as making them may fail
    control.claimWriter(this.#id, takeover);
    this.#arena = arena;
    this.#control = control;
    this.#identity = identity;
    this.#slots = slots;
    this.#plan = plan;
    const dirtyEnd = Math.max(control.dirtyEnd, identity.dataStart);
    this.#body = new BodyWriter(arena, kernels, dirtyEnd, (end) => control.raiseDirtyEnd(end));
    this.#dictionaries = new DictionaryWriter(plan.dictionaries, this.#body);
    this.#finished = control.finished;
    this.#done = this.#published();
    this.#next = { ...this.#done };
    slots.clear(this.#done.length, slots.abandonedEnd(this.#done.length, this.#done.tail));
    if (this.#done.dictionarySet !== 0) this.#dictionaries.adopt(this.#done.dictionarySet);
  }

  /** Id of this writer's claims. */
  get id(): number {
    return this.#id;
  }

  /** Address behind the last published message. */
  get tail(): number {
    return this.#done.tail;
  }

  append(batch: RecordBatchLike): AppendResult {
    this.#begin(1);
    try {
      const result = this.#layOut(batch, 1);
      this.#publish();
      return result;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  appendAll(batches: readonly RecordBatchLike[], maxBytes = Number.POSITIVE_INFINITY): AppendResult[] {
    if (!Array.isArray(batches)) throw new UsageError("batches is not an array; expected an array of record batches");
    if (batches.length === 0) return [];
    this.#begin(batches.length);
    try {
      // Not `map`, which would skip the holes of a sparse array.
      const results = Array.from(batches, (batch, i) => this.#layOut(batch, batches.length - i));
      const bytes = this.#next.tail - this.#done.tail;
      if (bytes > maxBytes) {
        throw new TooLargeError(`the group of batches takes ${bytes} bytes of arena; expected at most ${maxBytes}`);
      }
      this.#publish();
      return results;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  finish(): void {
    this.#assertClaim();
    this.#finished = true;
    this.#control.finish();
  }

  /** Says that the first `count` batches are in the index. */
  advanceIndexed(count: number): void {
    this.#assertClaim();
    this.#control.advanceIndexed(count);
  }

  /** Empties the store for a new use of its memory. */
  recycle(clearIndex: () => void): void {
    this.#assertClaim();
    this.#control.recycle(clearIndex);
    this.#finished = false;
    this.#slots.clear(0, this.#done.length);
    this.#done = this.#published();
    this.#next = { ...this.#done };
    // All that was ever laid out is still there: from here on padding has to be written.
    this.#body.dirtyEnd = Math.max(this.#body.dirtyEnd, this.#control.dirtyEnd);
    this.#dictionaries = new DictionaryWriter(this.#plan.dictionaries, this.#body);
  }

  release(): void {
    this.#control.releaseDurable(this.#id);
    this.#control.releaseWriter(this.#id);
  }

  /** What the shared memory says is published. */
  #published(): Progress {
    const length = this.#control.committed;
    if (length === 0) return { length: 0, tail: this.#identity.dataStart, rows: 0, bytes: 0, dictionarySet: 0 };
    const last = length - 1;
    const slots = this.#slots;
    return {
      length,
      tail: slots.start(last) + slots.length(last),
      rows: slots.rowsBefore(last) + slots.rows(last),
      bytes: slots.bytesBefore(last) + slots.bytes(last),
      dictionarySet: slots.dictionarySet(last),
    };
  }

  #assertClaim(): void {
    if (!this.#control.isWriter(this.#id)) {
      throw new ConflictError("another writer has taken the store over; attach to it as a reader");
    }
  }

  #begin(count: number): void {
    this.#assertClaim();
    if (this.#finished) throw new ClosedError("the store is finished: nothing can be appended any more");
    const { capacity } = this.#identity;
    const { length } = this.#done;
    if (count > capacity) {
      throw new TooLargeError(
        `${count} batches in one append can never fit: the store holds at most ${capacity}; append fewer at once, or create it with more capacity`,
      );
    }
    if (length + count > capacity) {
      throw new FullError(
        `${count === 1 ? "a batch does" : `${count} batches do`} not fit: the store holds ${length} of at most ${capacity} batches`,
        "batches",
      );
    }
    if (this.#plan.dictionaries.length > 0) this.#dictionaries.checkpoint();
  }

  /** @param remaining batches of the group still to be laid out, this one included: their slots are kept free */
  #layOut(batch: RecordBatchLike, remaining: number): AppendResult {
    const rows = this.#checkBatch(batch);
    const { columns, template, dictionaries } = this.#plan;
    const { children } = batch.data;
    const next = this.#next;
    const limit = SlotTable.lowest(this.#arena.bytes, next.length + remaining);
    const begin = next.tail;
    let start = begin;
    if (dictionaries.length > 0) {
      const written = this.#dictionaries.write(columns, children, begin, limit);
      start = written.tail;
      if (written.dictionarySet !== 0) next.dictionarySet = written.dictionarySet;
    }
    const body = this.#body;
    body.begin(template, start, limit);
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i];
      const child = children[i];
      if (column === undefined || child === undefined) break; // counted and checked before
      if (child.length !== rows) malformed(column.path, `it has ${child.length} rows, the batch has ${rows}`);
      column.write(body, child, 0, rows);
    }
    const length = body.finish(template, rows);
    if (body.overflow || start + length > limit) this.#full(start + length - begin, limit - begin, remaining);
    const position = next.length;
    const rowOffset = next.rows;
    const bytes = body.payloadBytes;
    this.#slots.write(position, start, length, rows, rowOffset, bytes, next.bytes, next.dictionarySet);
    next.length = position + 1;
    next.tail = start + length;
    next.rows = rowOffset + rows;
    next.bytes += bytes;
    return { position, rowOffset, bytes };
  }

  #publish(): void {
    this.#assertClaim();
    this.#control.publish(this.#next.length);
    copyProgress(this.#next, this.#done);
  }

  #rollback(): void {
    this.#body.abandon();
    this.#slots.clear(this.#done.length, this.#next.length);
    if (this.#plan.dictionaries.length > 0) this.#dictionaries.rollback();
    copyProgress(this.#done, this.#next);
  }

  #checkBatch(batch: RecordBatchLike): number {
    if (!isRecordBatchLike(batch)) {
      throw new UsageError(
        "the value appended is not an Arrow record batch; expected one of apache-arrow (of a table, append its batches)",
      );
    }
    if (batch.schema !== this.#acceptedSchema) {
      // Every batch has a schema object of its own; the one accepted last shares names and types with it, which compares faster.
      const difference = schemaDifference(this.#acceptedSchema ?? this.#plan.schema, batch.schema);
      if (difference !== undefined) throw new UsageError(`the batch does not have the store's schema: ${difference}`);
      this.#acceptedSchema = batch.schema;
    }
    const rows = batch.numRows;
    if (!(Number.isInteger(rows) && rows >= 0 && rows <= MAX_ROWS)) {
      throw new UsageError(`the batch has ${rows} rows; expected a whole number from 0 to ${MAX_ROWS}`);
    }
    const { columns } = this.#plan;
    const { children } = batch.data;
    if (children.length !== columns.length) {
      throw new UsageError(`the batch holds ${children.length} columns, its schema has ${columns.length} fields`);
    }
    for (let i = 0; i < columns.length; i++) {
      if (typeof children[i] !== "object" || children[i] === null) malformed(columns[i]?.path ?? "", "it has no data");
    }
    return rows;
  }

  #full(needed: number, free: number, slots: number): never {
    const { dataStart } = this.#identity;
    const most = this.#arena.bytes - dataStart - SLOT_BYTES;
    // What does not fit into an empty store never will: that is no matter of freeing room.
    if (needed > most || this.#done.length === 0) {
      const before = this.#next.tail - this.#done.tail;
      throw new TooLargeError(
        before > 0
          ? `the group of batches needs at least ${before + needed} bytes of arena and an empty store of this size offers ${most}, slots included: it can never fit; split it, or create the store with more bytes`
          : `the batch needs ${needed} bytes of arena and an empty store of this size offers ${most}: it can never fit; split it, or create the store with more bytes`,
      );
    }
    throw new FullError(
      `the batch needs ${needed} bytes of arena, but only ${Math.max(0, free)} of ${this.#arena.bytes} are free${
        slots > 1 ? ` (${slots} slots included)` : ""
      }`,
      "bytes",
    );
  }
}

function copyProgress(from: Progress, to: Progress): void {
  to.length = from.length;
  to.tail = from.tail;
  to.rows = from.rows;
  to.bytes = from.bytes;
  to.dictionarySet = from.dictionarySet;
}
