/**
 * A batch as it lies in a store, and the bounded cache of those a thread has seen.
 *
 * @module
 */
import type { RecordBatch } from "apache-arrow";

/** Makes the Arrow view of the batch at a position. */
export type MakeRecordBatch = (position: number) => RecordBatch;

/** One batch of a store. Valid until the store's memory is recycled, which an attached reader prevents. */
export class StoredBatch {
  /** Position in the store, from 0. */
  readonly position: number;
  /** Rows of this batch. */
  readonly rows: number;
  /** Rows in the store before this batch. */
  readonly rowOffset: number;
  /** Bytes of the rows: all buffers, without padding. */
  readonly bytes: number;
  /** Bytes of the arena: message header, body and padding, without dictionaries. */
  readonly arenaBytes: number;
  readonly #make: MakeRecordBatch;
  #recordBatch: RecordBatch | undefined;

  constructor(
    position: number,
    rows: number,
    rowOffset: number,
    bytes: number,
    arenaBytes: number,
    make: MakeRecordBatch,
  ) {
    this.position = position;
    this.rows = rows;
    this.rowOffset = rowOffset;
    this.bytes = bytes;
    this.arenaBytes = arenaBytes;
    this.#make = make;
  }

  /** The Arrow view: its columns' buffers are views on the arena, not copies. Built when first asked for, then kept. */
  get recordBatch(): RecordBatch {
    this.#recordBatch ??= this.#make(this.position);
    return this.#recordBatch;
  }
}

/**
 * The batches a thread has seen: a table of 2^n places, the batch at position p in place p modulo 2^n. So it is bounded (an Arrow
 * view is 2-4 KB of heap), costs one look, and keeps the newest of a store that is read in order.
 */
export class BatchCache {
  readonly #places: (StoredBatch | undefined)[] = [];
  readonly #mask: number;

  /** @param size batches kept at most; rounded up to a power of two */
  constructor(size: number) {
    this.#mask = 2 ** Math.ceil(Math.log2(size)) - 1;
  }

  get(position: number): StoredBatch | undefined {
    const batch = this.#places[position & this.#mask];
    return batch !== undefined && batch.position === position ? batch : undefined;
  }

  set(batch: StoredBatch): void {
    const place = batch.position & this.#mask;
    while (this.#places.length < place) this.#places.push(undefined); // never a sparse, slow array
    this.#places[place] = batch;
  }

  clear(): void {
    this.#places.length = 0;
  }
}
