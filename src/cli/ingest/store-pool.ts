/**
 * The stores that are filled one after the other: a full one is finished and its memory used again when every reader has closed it, so
 * that a source of any size goes through bounded memory.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { UsageError } from "../../errors.js";
import { BatchStore } from "../../store/batch-store.js";
import type { ReaderCrew } from "./reader-crew.js";

/** Stores that exist at a time: one being filled, one being drained. */
const MAX_STORES = 2;

interface StoreInUse {
  readonly store: BatchStore;
  /** How many stores the readers have been told of, this one included. */
  readonly ticket: number;
}

export class StorePool {
  readonly #schema: Schema;
  readonly #bytes: number;
  readonly #crew: ReaderCrew;
  /** Oldest first. */
  readonly #inUse: StoreInUse[] = [];
  #filled = 0;

  /** @param bytes of shared memory for each store */
  constructor(schema: Schema, bytes: number, crew: ReaderCrew) {
    this.#schema = schema;
    this.#bytes = bytes;
    this.#crew = crew;
  }

  /** The store that is being filled, undefined before the first. */
  get current(): BatchStore | undefined {
    return this.#inUse.at(-1)?.store;
  }

  /** How many stores have been filled or begun. */
  get filled(): number {
    return this.#filled;
  }

  /**
   * Finishes the current store and begins another, in fresh or recycled memory; waits for the readers when there is none.
   *
   * @throws UsageError when the memory is not to be had, or is too small for the schema
   */
  async next(): Promise<BatchStore> {
    this.current?.finish();
    const store = this.#inUse.length < MAX_STORES ? this.#create() : await this.#recycleOldest();
    this.#inUse.push({ store, ticket: this.#crew.follow(store.handle()) });
    this.#filled++;
    return store;
  }

  /** Finishes the current store; resolves when the readers have been through all. */
  async finish(): Promise<void> {
    this.current?.finish();
    const last = this.#inUse.at(-1);
    if (last !== undefined) await this.#crew.drained(last.ticket);
  }

  close(): void {
    for (const { store } of this.#inUse) store.close();
  }

  #create(): BatchStore {
    try {
      return BatchStore.create({ schema: this.#schema, bytes: this.#bytes });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(`no store can be made with --store-bytes ${this.#bytes}: ${error.message}`, {
        cause: error,
      });
    }
  }

  async #recycleOldest(): Promise<BatchStore> {
    const oldest = this.#inUse[0];
    if (oldest === undefined) return this.#create();
    await this.#crew.drained(oldest.ticket);
    oldest.store.recycle();
    this.#inUse.shift();
    return oldest.store;
  }
}
