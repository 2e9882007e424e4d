/**
 * Puts that wait while a table's columns are changed: each was checked and encoded when it was made, and they are put in their order when
 * the table goes on, with nulls in the columns that were added meanwhile. Bounded.
 *
 * @module
 */
import { type Data, Schema } from "apache-arrow";
import { RowBuilder } from "../arrow/rows/row-builder.js";
import type { DataLike, RecordBatchLike } from "../arrow/shape.js";
import { FullError } from "../errors.js";
import type { Position } from "../writer/position.js";
import type { PutOptions } from "../writer/put-options.js";
import type { ShardWriter } from "../writer/shard-writer.js";

const MOST_PUTS = 65_536;
const MOST_ROWS = 1_000_000;

interface Waiting {
  readonly batches: readonly RecordBatchLike[];
  readonly options: PutOptions;
  readonly resolve: (position: Promise<Position>) => void;
  readonly reject: (error: unknown) => void;
  /** Has the signal forgotten. */
  readonly settle: () => void;
}

export class WaitingPuts {
  readonly #puts = new Set<Waiting>();
  #rows = 0;

  /** False when one more would be `Full`. */
  get hasRoom(): boolean {
    return this.#puts.size < MOST_PUTS && this.#rows < MOST_ROWS;
  }

  /**
   * @param batches in the storage schema of the writer that has ended
   * @throws FullError when too many wait: nothing was written. The signal's reason, when it aborts before the put goes on
   */
  add(batches: readonly RecordBatchLike[], options: PutOptions): Promise<Position> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!this.hasRoom) {
      return Promise.reject(
        new FullError(
          `${this.#puts.size} puts of ${this.#rows} rows wait for columns to be added; await some of them before you put more`,
          "puts",
        ),
      );
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#puts.delete(put);
        reject(signal?.reason);
      };
      const settle = (): void => signal?.removeEventListener("abort", onAbort);
      const put: Waiting = { batches, options, resolve, reject, settle };
      signal?.addEventListener("abort", onAbort);
      this.#puts.add(put);
      this.#rows += batches.reduce((sum, { numRows }) => sum + numRows, 0);
    });
  }

  /** Puts all of them, in their order. @param before storage schema of their batches */
  release(writer: ShardWriter, before: Schema): void {
    for (const { batches, options, resolve, settle } of this.#puts) {
      settle();
      resolve(writer.putStored(widened(batches, before, writer.storageSchema), options));
    }
    this.#puts.clear();
  }

  /** Nothing was written of any of them. */
  fail(error: unknown): void {
    for (const { reject, settle } of this.#puts) {
      settle();
      reject(error);
    }
    this.#puts.clear();
  }
}

/** Batches of one storage schema as ones of another that has more columns: those are null. */
function widened(batches: readonly RecordBatchLike[], before: Schema, after: Schema): readonly RecordBatchLike[] {
  if (before.fields.length === after.fields.length) return batches;
  const added = after.fields.filter(({ name }) => before.fields.every((field) => field.name !== name));
  return batches.map(({ data, numRows }) => {
    const nulls = nullColumns(new Schema(added), numRows);
    const columns = new Map<string, DataLike | undefined>(before.fields.map(({ name }, i) => [name, data.children[i]]));
    for (const [i, { name }] of added.entries()) columns.set(name, nulls[i]);
    const children = after.fields.flatMap(({ name }) => columns.get(name) ?? []);
    return { schema: after, numRows, data: { length: numRows, children } };
  });
}

function nullColumns(schema: Schema, rows: number): readonly Data[] {
  const builder = new RowBuilder(schema);
  for (let row = 0; row < rows; row++) builder.append({});
  return builder.finish().data.children;
}
