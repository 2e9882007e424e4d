/**
 * A thread's scratch region of an arena, in which kernels leave results, and what is built on it.
 *
 * The region is claimed when first needed and given back when the handle is closed. When all are in use, which takes 16 threads, or
 * threads that were terminated, callers do without: every kernel that needs a region has a plain twin that does not.
 *
 * @module
 */
import { statisticsOf } from "../kernels/plain/statistics.js";
import { emptyStatistics, type NumberKind, readStatistics, type Statistics } from "../kernels/statistics.js";
import type { Arena } from "./arena.js";
import type { Control, Identity } from "./control.js";
import { SCRATCH_REGIONS } from "./layout.js";
import type { RawColumn } from "./raw-column.js";
import { ScratchReverser } from "./scratch-reverser.js";

const NO_VALUES = new Uint8Array(0);

/** A region of the arena that belongs to one thread. */
export interface ScratchRegion {
  /** Address, a multiple of 64. */
  readonly address: number;
  readonly bytes: number;
}

export class Scratch {
  readonly #arena: Arena;
  readonly #control: Control;
  readonly #identity: Identity;
  #claimed: number | undefined;
  #reverser: ScratchReverser | undefined;
  #view: DataView | undefined;

  constructor(arena: Arena, control: Control, identity: Identity) {
    this.#arena = arena;
    this.#control = control;
    this.#identity = identity;
  }

  /** This thread's region, undefined when none is free. */
  get region(): ScratchRegion | undefined {
    this.#claimed ??= this.#control.claimScratch(SCRATCH_REGIONS);
    if (this.#claimed === undefined) return undefined;
    const { scratchStart, scratchBytes } = this.#identity;
    return { address: scratchStart + this.#claimed * scratchBytes, bytes: scratchBytes };
  }

  /** See `StoreReader.statistics`. */
  statistics(kind: NumberKind, column: RawColumn, position: number, firstRow: number): Statistics {
    const rows = column.rows(position);
    const values = column.valuesAddress(position);
    const { region } = this;
    if (region !== undefined && values !== undefined) {
      const validity = column.validityAddress(position) ?? 0;
      this.#arena.kernels.statistics(kind, values, validity, rows, firstRow, region.address);
      this.#view ??= new DataView(this.#arena.buffer);
      return readStatistics(kind, this.#view, region.address);
    }
    const statistics = emptyStatistics();
    const view = column.values(position) ?? NO_VALUES;
    statisticsOf(kind, view, column.validity(position), 0, rows, firstRow, statistics);
    return statistics;
  }

  /** Reverses rows by kernel; undefined where there are no kernels or no region. */
  get reverser(): ScratchReverser | undefined {
    if (this.#arena.kernels.kind !== "wasm") return undefined;
    if (this.#reverser === undefined) {
      const { region } = this;
      if (region !== undefined) this.#reverser = new ScratchReverser(this.#arena, region);
    }
    return this.#reverser;
  }

  release(): void {
    if (this.#claimed !== undefined) this.#control.releaseScratch(this.#claimed);
    this.#claimed = undefined;
    this.#reverser = undefined;
  }
}
