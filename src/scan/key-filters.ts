/**
 * Filters of keys of SSTables, kept for the next lookup.
 *
 * @module
 */
import { type KeyFilter, readKeyFilter } from "../lance/bloom-filter.js";

export class KeyFilters {
  readonly #most: number;
  /** By directory, least recently used first. */
  readonly #filters = new Map<string, Promise<KeyFilter | undefined>>();

  /** @param most filters that are kept */
  constructor(most: number) {
    this.#most = most;
  }

  /** Of the SSTable in this directory, undefined when it has none. Errors as `readKeyFilter`. */
  get(directory: string): Promise<KeyFilter | undefined> {
    const filter = this.#filters.get(directory) ?? this.#read(directory);
    this.#filters.delete(directory);
    this.#filters.set(directory, filter);
    for (const oldest of this.#filters.keys()) {
      if (this.#filters.size <= this.#most) break;
      this.#filters.delete(oldest);
    }
    return filter;
  }

  #read(directory: string): Promise<KeyFilter | undefined> {
    const filter = readKeyFilter(directory);
    filter.catch(() => this.#filters.delete(directory));
    return filter;
  }
}
