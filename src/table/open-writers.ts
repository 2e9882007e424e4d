/**
 * What is open in this thread, by name: a second open of the same shares the first. Counted, so that the last one to let go closes it.
 *
 * Opens of a name that is being opened wait for that; opens of one that is being closed wait until it is, then open anew.
 *
 * @module
 */

/** How a thing is opened and closed. */
export interface Openable<T> {
  open(): Promise<T>;
  close(opened: T): Promise<void>;
  /** False when it can serve nobody any more: then it is closed, and opened anew for the next one who asks. */
  isUsable(opened: T): boolean;
}

/** One's share in an opened thing. */
export interface Lease<T> {
  readonly opened: T;
  /** Gives the share back; resolves once the thing is closed when it was the last. Again: the same promise. */
  release(): Promise<void>;
}

interface Entry<T> {
  readonly opening: Promise<T>;
  readonly close: (opened: T) => Promise<void>;
  leases: number;
  closing: Promise<void> | undefined;
}

export class OpenWriters<T> {
  readonly #entries = new Map<string, Entry<T>>();

  /** Whether there is a usable or an opening one of this name. */
  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * A share in the thing of this name, which is opened when it is not.
   *
   * @throws what `open` throws, to all who waited for it; the next one tries again
   */
  async acquire(name: string, how: Openable<T>): Promise<Lease<T>> {
    for (;;) {
      const entry = this.#entries.get(name) ?? this.#start(name, how);
      if (entry.closing !== undefined) {
        await entry.closing.catch(() => {}); // told to those who closed it
        continue;
      }
      entry.leases++;
      const opened = await entry.opening; // when it throws, its entry is gone
      if (how.isUsable(opened) && entry.closing === undefined) return this.#lease(name, entry, opened);
      entry.leases--;
      await this.#close(name, entry, opened).catch(() => {}); // its holders learn of it by their own calls
    }
  }

  #start(name: string, how: Openable<T>): Entry<T> {
    const entry: Entry<T> = { opening: how.open(), close: how.close, leases: 0, closing: undefined };
    this.#entries.set(name, entry);
    entry.opening.catch(() => this.#forget(name, entry));
    return entry;
  }

  #lease(name: string, entry: Entry<T>, opened: T): Lease<T> {
    let released: Promise<void> | undefined;
    return {
      opened,
      release: () => {
        released ??= --entry.leases > 0 ? Promise.resolve() : this.#close(name, entry, opened);
        return released;
      },
    };
  }

  #close(name: string, entry: Entry<T>, opened: T): Promise<void> {
    entry.closing ??= entry.close(opened).finally(() => this.#forget(name, entry));
    return entry.closing;
  }

  #forget(name: string, entry: Entry<T>): void {
    if (this.#entries.get(name) === entry) this.#entries.delete(name);
  }
}
