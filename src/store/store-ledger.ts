/**
 * The ledger of a store: how many batches, rows and bytes it holds, how much room is left, how much of it is durable.
 *
 * Every method loads the committed length first. Rows and bytes are taken from the last slot of that same length, so they cannot
 * disagree with it (invariant 5).
 *
 * @module
 */
import { ClosedError } from "../errors.js";
import type { Arena } from "./arena.js";
import type { Control, Identity } from "./control.js";
import { SlotTable } from "./slots.js";

/** What a store holds at one moment; the numbers belong together. */
export interface StoreSnapshot {
  /** Batches. */
  readonly length: number;
  readonly rows: number;
  /** Bytes of the rows: all buffers of all batches, without padding. */
  readonly bytes: number;
  /** Bytes of the arena in use: headers, schema, scratch regions, messages, slots; without a memtable's index. */
  readonly arenaBytes: number;
}

export abstract class StoreLedger {
  /** Batches at most. */
  readonly capacity: number;
  protected readonly arena: Arena;
  protected readonly control: Control;
  protected readonly identity: Identity;
  protected readonly slots: SlotTable;
  #closed = false;

  protected constructor(arena: Arena, control: Control, identity: Identity) {
    this.arena = arena;
    this.control = control;
    this.identity = identity;
    this.capacity = identity.capacity;
    this.slots = new SlotTable(arena);
  }

  /** Batches that have been committed. */
  get length(): number {
    this.assertOpen();
    return this.control.committed;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** True when no slot is free; the arena's bytes may run out before. */
  get isFull(): boolean {
    return this.length >= this.capacity;
  }

  /** Free slots. */
  get remaining(): number {
    return Math.max(0, this.capacity - this.length);
  }

  /** Bytes of arena that are free for messages and slots. */
  get remainingBytes(): number {
    return this.capacityBytes - this.snapshot().arenaBytes;
  }

  /** Bytes of the arena: everything the store can ever hold, headers included, without a memtable's index. */
  get capacityBytes(): number {
    return this.arena.bytes - this.identity.indexBytes;
  }

  /** Position of the last committed batch, undefined when there is none. */
  get lastPosition(): number | undefined {
    const { length } = this;
    return length === 0 ? undefined : length - 1;
  }

  /** Rows in all committed batches. */
  get totalRows(): number {
    return this.snapshot().rows;
  }

  /** Bytes of the rows of all committed batches. */
  get totalBytes(): number {
    return this.snapshot().bytes;
  }

  /** True when the writer has said that no batch will follow. */
  get finished(): boolean {
    this.assertOpen();
    return this.control.finished;
  }

  /** Length, rows and bytes of one moment. */
  snapshot(): StoreSnapshot {
    const { length } = this;
    const { dataStart, indexBytes } = this.identity;
    if (length === 0) return { length, rows: 0, bytes: 0, arenaBytes: dataStart - indexBytes };
    const { slots, arena } = this;
    const last = length - 1;
    const tail = slots.start(last) + slots.length(last);
    return {
      length,
      rows: slots.rowsBefore(last) + slots.rows(last),
      bytes: slots.bytesBefore(last) + slots.bytes(last),
      arenaBytes: tail - indexBytes + (arena.bytes - SlotTable.lowest(arena.bytes, length)),
    };
  }

  /** Batches that are in the index of a memtable: an exclusive count, 0 for none. */
  get indexed(): number {
    this.assertOpen();
    return this.control.indexed;
  }

  /** Batches that are durable: an exclusive count, 0 for none. */
  get durable(): number {
    this.assertOpen();
    return this.control.durable;
  }

  /** The batches that are committed but not durable, undefined when there is none. */
  get pending(): { readonly from: number; readonly to: number } | undefined {
    const from = this.durable; // the smaller cursor first: it cannot pass the one loaded after it
    const to = this.length;
    return from < to ? { from, to } : undefined;
  }

  /** How many batches are committed but not durable. */
  get pendingCount(): number {
    const { pending } = this;
    return pending === undefined ? 0 : pending.to - pending.from;
  }

  /** True when all committed batches are durable. */
  get isDurable(): boolean {
    return this.pending === undefined;
  }

  /** True once this handle is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  protected markClosed(): void {
    this.#closed = true;
  }

  protected assertOpen(): void {
    if (this.#closed) throw new ClosedError("this handle of the store is closed");
  }
}
