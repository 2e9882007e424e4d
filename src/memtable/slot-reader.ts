/**
 * A slot of a pool as one reader has it: its pin, which the reader's snapshots share, and its reader of the memtable that is there.
 *
 * The pin is held while `#holds` is not 0; only then may the memtable be looked at. The memtable's objects are kept from one snapshot to
 * the next, as making them costs a hundred times what a snapshot does.
 *
 * @module
 */
import type { ReaderOptions } from "../store/store-reader.js";
import { Memtable } from "./memtable.js";
import type { MemtableHandle } from "./memtable-handle.js";
import type { ReaderPins } from "./pins.js";
import type { PoolControl } from "./pool-control.js";
import type { SnapshotMemtable } from "./pool-snapshot.js";

export class SlotReader {
  readonly #control: PoolControl;
  readonly #pins: ReaderPins;
  readonly #slot: number;
  readonly #arena: MemtableHandle;
  readonly #options: ReaderOptions;
  /** Snapshots that hold the pin. */
  #holds = 0;
  /** What is pinned, or was last. */
  #generation = 0;
  #pinnedAtMs = 0;
  /** The reader of generation `#generation`, once it was asked for. */
  #memtable: Memtable | undefined;
  /** All of the memtable, once nothing will be appended to it any more. */
  #whole: SnapshotMemtable | undefined;
  #wholeIsDurable = false;

  constructor(control: PoolControl, pins: ReaderPins, slot: number, arena: MemtableHandle, options: ReaderOptions) {
    this.#control = control;
    this.#pins = pins;
    this.#slot = slot;
    this.#arena = arena;
    this.#options = options;
  }

  /** Pins the memtable of `generation` once more; false when it is not, or no longer, in this slot. */
  hold(generation: number, timeMs: number): boolean {
    if (this.#holds > 0) {
      if (this.#generation !== generation) return false; // out of date is then what the table said
      if (this.#pinnedAtMs !== timeMs) this.#pins.renew(this.#slot, timeMs);
    } else {
      this.#pins.pin(this.#slot, generation, timeMs);
      if (this.#control.generation(this.#slot) !== generation) {
        this.#pins.unpin(this.#slot);
        return false;
      }
      if (this.#generation !== generation) this.#forget();
      this.#generation = generation;
    }
    this.#pinnedAtMs = timeMs;
    this.#holds++;
    return true;
  }

  /** Takes one hold back; of a reader that was closed there is none. */
  drop(): void {
    if (this.#holds === 0) return;
    this.#holds--;
    if (this.#holds === 0) this.#pins.unpin(this.#slot);
  }

  /**
   * What there is to see of the memtable that is held.
   *
   * @param frozen whether it is known that nothing will be appended any more
   */
  view(frozen: boolean, durableOnly: boolean): SnapshotMemtable {
    const whole = this.#whole;
    if (whole !== undefined && (this.#wholeIsDurable || !durableOnly)) return whole;
    const generation = this.#generation;
    this.#memtable ??= Memtable.attachPinned(this.#arena, this.#options);
    const memtable = this.#memtable;
    const { batches, rows } = memtable.snapshot();
    const durable = durableOnly ? memtable.store.durable : 0;
    if (durableOnly && durable < batches) {
      return { generation, memtable, batches: durable, rows: rowsBelow(memtable, durable) };
    }
    const view: SnapshotMemtable = { generation, memtable, batches, rows };
    if (frozen) {
      this.#whole = view;
      this.#wholeIsDurable = durableOnly;
    }
    return view;
  }

  /** Lets the objects go of a memtable that is older than `first` and not held. */
  forgetBefore(first: number): void {
    if (this.#holds === 0 && this.#generation < first) this.#forget();
  }

  /** Closes the memtable's reader and forgets the holds; the pin is the caller's to clear. */
  close(): void {
    this.#holds = 0;
    this.#forget();
  }

  #forget(): void {
    this.#memtable?.close();
    this.#memtable = undefined;
    this.#whole = undefined;
    this.#wholeIsDurable = false;
  }
}

/** Rows in the first `batches` batches. */
function rowsBelow({ store }: Memtable, batches: number): number {
  const last = batches === 0 ? undefined : store.get(batches - 1);
  return last === undefined ? 0 : last.rowOffset + last.rows;
}
