/**
 * The control words of a store, each read and written atomically and nowhere else. See `layout.ts` for who may write which.
 *
 * @module
 */
import { ConflictError, GoneError, UsageError } from "../errors.js";
import type { Arena } from "./arena.js";
import { LAYOUT_VERSION, MAGIC, RECYCLING, STATE, WORD } from "./layout.js";

/** What is written once, when an arena is laid out. */
export interface Identity {
  readonly capacity: number;
  readonly schemaBytes: number;
  readonly scratchStart: number;
  readonly scratchBytes: number;
  readonly dataStart: number;
  readonly indexStart: number;
  /** 0 for a store without an index. */
  readonly indexBytes: number;
}

export class Control {
  readonly #i32: Int32Array;
  readonly #u32: Uint32Array;

  constructor(arena: Arena) {
    this.#i32 = arena.i32;
    this.#u32 = arena.u32;
  }

  /** Writes the identity; MAGIC last, so that memory that is not laid out yet is never taken for a store. */
  format(pages: number, identity: Identity): void {
    const i32 = this.#i32;
    i32[WORD.VERSION] = LAYOUT_VERSION;
    i32[WORD.PAGES] = pages;
    i32[WORD.CAPACITY] = identity.capacity;
    this.#u32[WORD.SCHEMA_BYTES] = identity.schemaBytes;
    this.#u32[WORD.SCRATCH_START] = identity.scratchStart;
    this.#u32[WORD.SCRATCH_BYTES] = identity.scratchBytes;
    this.#u32[WORD.DATA_START] = identity.dataStart;
    this.#u32[WORD.INDEX_START] = identity.indexStart;
    this.#u32[WORD.INDEX_BYTES] = identity.indexBytes;
    Atomics.store(i32, WORD.GENERATION, 1);
    Atomics.store(i32, WORD.MAGIC, MAGIC);
  }

  /**
   * Reads the identity.
   *
   * @throws UsageError when the memory holds no store of this layout
   */
  identity(pages: number): Identity {
    const u32 = this.#u32;
    const word = (index: number): number => u32[index] ?? 0;
    if (
      this.#i32.length < WORD.WAITERS ||
      Atomics.load(this.#i32, WORD.MAGIC) !== MAGIC ||
      word(WORD.PAGES) !== pages
    ) {
      throw new UsageError(
        "the memory of this handle holds no batch store; expected the result of BatchStore.handle()",
      );
    }
    if (word(WORD.VERSION) !== LAYOUT_VERSION) {
      throw new UsageError(
        `the store has layout version ${word(WORD.VERSION)}, this copy of pennon reads ${LAYOUT_VERSION}; use one version of pennon in all threads`,
      );
    }
    return {
      capacity: word(WORD.CAPACITY),
      schemaBytes: word(WORD.SCHEMA_BYTES),
      scratchStart: word(WORD.SCRATCH_START),
      scratchBytes: word(WORD.SCRATCH_BYTES),
      dataStart: word(WORD.DATA_START),
      indexStart: word(WORD.INDEX_START),
      indexBytes: word(WORD.INDEX_BYTES),
    };
  }

  get generation(): number {
    return Atomics.load(this.#i32, WORD.GENERATION);
  }

  // --- committed -----------------------------------------------------------------------------------------------------

  /** Batches that may be read. */
  get committed(): number {
    return Atomics.load(this.#i32, WORD.COMMITTED);
  }

  /** Publishes all batches below `length`, and wakes who waits for them. */
  publish(length: number): void {
    Atomics.store(this.#i32, WORD.COMMITTED, length);
    if (Atomics.load(this.#i32, WORD.WAITERS) !== 0) Atomics.notify(this.#i32, WORD.COMMITTED);
  }

  get finished(): boolean {
    return Atomics.load(this.#i32, WORD.STATE) === STATE.FINISHED;
  }

  finish(): void {
    Atomics.store(this.#i32, WORD.STATE, STATE.FINISHED);
    Atomics.notify(this.#i32, WORD.COMMITTED);
  }

  /** Counts this thread among the waiters, so that the writer notifies. */
  enterWait(): void {
    Atomics.add(this.#i32, WORD.WAITERS, 1);
  }

  leaveWait(): void {
    Atomics.sub(this.#i32, WORD.WAITERS, 1);
  }

  /** Blocks until `committed` is no longer `length`, somebody notifies, or the time is over. */
  waitSync(length: number, timeoutMs: number): void {
    Atomics.wait(this.#i32, WORD.COMMITTED, length, timeoutMs);
  }

  /** As {@link waitSync}, without blocking; undefined when there is no need to wait or no way to. */
  waitAsync(length: number, timeoutMs: number): Promise<unknown> | undefined {
    if (typeof Atomics.waitAsync !== "function") return undefined;
    const result = Atomics.waitAsync(this.#i32, WORD.COMMITTED, length, timeoutMs);
    return result.async ? result.value : Promise.resolve();
  }

  // --- durable -------------------------------------------------------------------------------------------------------

  /** Batches that are durable. */
  get durable(): number {
    return Atomics.load(this.#i32, WORD.DURABLE);
  }

  /**
   * Moves the durable cursor; the first to do so becomes its owner, and who takes it over.
   *
   * @throws ConflictError when it belongs to another
   * @throws UsageError when `count` is behind the cursor or past the committed length
   */
  advanceDurable(owner: number, count: number, takeover: boolean): void {
    const i32 = this.#i32;
    const before = Atomics.load(i32, WORD.DURABLE_OWNER);
    if (takeover && before !== owner) Atomics.compareExchange(i32, WORD.DURABLE_OWNER, before, 0);
    const holder = Atomics.compareExchange(i32, WORD.DURABLE_OWNER, 0, owner);
    if (holder !== 0 && holder !== owner) {
      throw new ConflictError(
        "the durable cursor is moved by another handle; a cursor has one owner until that closes; when its thread is known to have ended, pass takeover: true",
      );
    }
    const durable = Atomics.load(i32, WORD.DURABLE);
    const committed = Atomics.load(i32, WORD.COMMITTED);
    if (!(Number.isInteger(count) && count >= durable && count <= committed)) {
      if (holder === 0) this.releaseDurable(owner); // a refused move leaves no owner behind
      throw new UsageError(
        `the durable cursor cannot move from ${durable} to ${count}; expected a whole number of batches from ${durable} to ${committed} (the committed length)`,
      );
    }
    Atomics.store(i32, WORD.DURABLE, count);
  }

  releaseDurable(owner: number): void {
    Atomics.compareExchange(this.#i32, WORD.DURABLE_OWNER, owner, 0);
  }

  // --- indexed -------------------------------------------------------------------------------------------------------

  /** Batches that are in the index. */
  get indexed(): number {
    return Atomics.load(this.#i32, WORD.INDEXED);
  }

  /**
   * Moves the cursor of the index; for the writer alone.
   *
   * @throws UsageError when `count` is behind the cursor or past the committed length
   */
  advanceIndexed(count: number): void {
    const { indexed, committed } = this;
    if (!(Number.isInteger(count) && count >= indexed && count <= committed)) {
      throw new UsageError(
        `the index's cursor cannot move from ${indexed} to ${count}; expected a whole number of batches from ${indexed} to ${committed} (the committed length)`,
      );
    }
    Atomics.store(this.#i32, WORD.INDEXED, count);
  }

  // --- writer --------------------------------------------------------------------------------------------------------

  /**
   * Claims the right to append.
   *
   * @param takeover take it from whoever holds it, and with it the durable cursor if that was his
   * @throws ConflictError when another holds it
   */
  claimWriter(id: number, takeover: boolean): void {
    if (takeover) {
      const before = Atomics.exchange(this.#i32, WORD.WRITER, id);
      if (before !== 0) Atomics.compareExchange(this.#i32, WORD.DURABLE_OWNER, before, id);
      return;
    }
    if (Atomics.compareExchange(this.#i32, WORD.WRITER, 0, id) !== 0) {
      throw new ConflictError(
        "the store already has a writer; close it first, or pass takeover: true when its thread is known to have ended",
      );
    }
  }

  isWriter(id: number): boolean {
    return Atomics.load(this.#i32, WORD.WRITER) === id;
  }

  releaseWriter(id: number): void {
    Atomics.compareExchange(this.#i32, WORD.WRITER, id, 0);
  }

  /** First address from which memory is zero since it was allocated. */
  get dirtyEnd(): number {
    return 64 * Atomics.load(this.#i32, WORD.DIRTY);
  }

  raiseDirtyEnd(address: number): void {
    Atomics.store(this.#i32, WORD.DIRTY, Math.ceil(address / 64));
  }

  // --- readers and recycling -----------------------------------------------------------------------------------------

  /**
   * Counts a reader in, so that the arena is not recycled under it.
   *
   * @throws GoneError when the arena is no longer in `generation`
   */
  attachReader(generation: number): void {
    const i32 = this.#i32;
    for (;;) {
      const readers = Atomics.load(i32, WORD.READERS);
      if (readers === RECYCLING) {
        throw new GoneError(
          "the memory of this handle is being recycled for other data; ask the owner for a new handle (if its thread ended just then, drop the store)",
        );
      }
      if (Atomics.compareExchange(i32, WORD.READERS, readers, readers + 1) === readers) break;
    }
    if (this.generation === generation) return;
    this.detachReader();
    gone();
  }

  detachReader(): void {
    Atomics.sub(this.#i32, WORD.READERS, 1);
  }

  get readers(): number {
    return Atomics.load(this.#i32, WORD.READERS);
  }

  /**
   * Empties the store for a new use of its memory, under a new generation.
   *
   * @param clearIndex called once nobody can attach any more, before the counters are reset
   * @throws ConflictError while readers are attached
   */
  recycle(clearIndex: () => void): void {
    const i32 = this.#i32;
    const readers = Atomics.compareExchange(i32, WORD.READERS, 0, RECYCLING);
    if (readers !== 0) {
      throw new ConflictError(
        `${readers} readers are attached to the store; its memory can be recycled when all of them are closed`,
      );
    }
    clearIndex();
    Atomics.store(i32, WORD.INDEXED, 0);
    Atomics.store(i32, WORD.DURABLE, 0);
    Atomics.store(i32, WORD.DURABLE_OWNER, 0);
    Atomics.store(i32, WORD.COMMITTED, 0);
    Atomics.store(i32, WORD.STATE, STATE.OPEN);
    Atomics.add(i32, WORD.GENERATION, 1);
    Atomics.store(i32, WORD.READERS, 0);
  }

  /** Ends the recycling that a thread was at when it was terminated; what it left undone the next recycling does. */
  endRecycling(): void {
    Atomics.compareExchange(this.#i32, WORD.READERS, RECYCLING, 0);
  }

  // --- scratch -------------------------------------------------------------------------------------------------------

  /** Takes a scratch region; undefined when all are in use. */
  claimScratch(regions: number): number | undefined {
    const i32 = this.#i32;
    for (let region = 0; region < regions; region++) {
      const bit = 1 << region;
      if ((Atomics.or(i32, WORD.SCRATCH_USE, bit) & bit) === 0) return region;
    }
    return undefined;
  }

  releaseScratch(region: number): void {
    Atomics.and(this.#i32, WORD.SCRATCH_USE, ~(1 << region));
  }
}

function gone(): never {
  throw new GoneError("the memory of this handle has been recycled for other data; ask the owner for a new handle");
}

/** A random id for a claim: 31 bits, never 0. */
export function claimId(): number {
  return 1 + Math.floor(Math.random() * 0x7ffffffe);
}
