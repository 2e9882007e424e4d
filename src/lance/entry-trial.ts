/**
 * Whether an entry can be replayed: its columns must be those of the table, and what lies in its buffers must make sense.
 *
 * An entry whose checksum is right holds what a writer of ours has laid out, and only its columns are looked at. One without a checksum is
 * laid out, as replay would.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { CorruptError, FullError, TooLargeError, UsageError } from "../errors.js";
import { BatchStore } from "../store/batch-store.js";
import { withoutAdvice } from "./damage-text.js";
import { type EntryInspection, readEntry } from "./wal-entry-reader.js";

/** Memory to lay entries out in; only what is used is ever touched. */
const BYTES = 256 * 2 ** 20;
const BATCHES = 16_384;

export class EntryTrial {
  readonly #schema: Schema;
  #store: BatchStore | undefined;

  /** @param schema the storage schema */
  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** What stands in the way of a replay of this entry; undefined when nothing does. */
  damageOf(bytes: Uint8Array, key: string, { checksum, sentinel }: EntryInspection): string | undefined {
    if (sentinel) return undefined;
    try {
      const { batches } = readEntry(bytes, { key, schema: this.#schema });
      if (checksum !== "ok" && batches.length > 0) this.#emptyStore().appendAll(batches);
    } catch (error) {
      if (error instanceof CorruptError) return withoutAdvice(error.message, key);
      // What is too large is not damaged, and replay says what to do about it.
      if (error instanceof TooLargeError || error instanceof FullError) return undefined;
      if (error instanceof UsageError) return `its rows are not what its header says: ${error.message}`;
      throw error;
    }
    return undefined;
  }

  close(): void {
    this.#store?.close();
  }

  #emptyStore(): BatchStore {
    if (this.#store === undefined) {
      this.#store = BatchStore.create({ schema: this.#schema, bytes: BYTES, capacity: BATCHES, prefault: false });
    } else {
      this.#store.recycle();
    }
    return this.#store;
  }
}
