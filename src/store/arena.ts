/**
 * An arena: one fixed-size shared memory with the views and kernels that a thread uses on it.
 *
 * It is a shared `WebAssembly.Memory` where there is WebAssembly, so that kernels run on the data in place, else a
 * `SharedArrayBuffer`. Its size never changes: views over a growable buffer are 10 to 20 times slower.
 *
 * @module
 */

import type { ArenaViews } from "../arrow/body-writer.js";
import { UsageError } from "../errors.js";
import type { Kernels, WasmMemory } from "../kernels/interface.js";
import { createKernels } from "../kernels/kernels.js";
import { MAX_ARENA_PAGES, PAGE_BYTES } from "./layout.js";

/** What can be posted to another thread to share an arena. */
export type ArenaMemory = WasmMemory | SharedArrayBuffer;

export class Arena implements ArenaViews {
  /** The shared memory itself. */
  readonly memory: ArenaMemory;
  readonly buffer: SharedArrayBuffer;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  #kernels: Kernels | undefined;

  /**
   * Takes the views on `memory`.
   *
   * @throws UsageError when it is not shared memory, or not whole pages of it
   */
  constructor(memory: ArenaMemory) {
    const buffer: unknown = isMemory(memory) ? memory.buffer : memory;
    if (typeof SharedArrayBuffer === "undefined" || !(buffer instanceof SharedArrayBuffer)) {
      throw new UsageError(
        "an arena needs shared memory: expected a shared WebAssembly.Memory or a SharedArrayBuffer (browsers offer them to cross-origin isolated pages only)",
      );
    }
    if (buffer.byteLength === 0 || buffer.byteLength % PAGE_BYTES !== 0) {
      throw new UsageError(
        `an arena is whole pages of ${PAGE_BYTES} bytes; the shared memory has ${buffer.byteLength}`,
      );
    }
    this.memory = memory;
    this.buffer = buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  /**
   * Allocates a new arena. The operating system commits its pages when they are first written.
   *
   * @param bytes 64 KiB to 4 GiB; rounded up to a multiple of 64 KiB
   * @throws UsageError when `bytes` is out of bounds or the memory is not to be had
   */
  static allocate(bytes: number): Arena {
    const pages = Math.ceil(bytes / PAGE_BYTES);
    if (!(pages >= 1 && pages <= MAX_ARENA_PAGES)) {
      throw new UsageError(`bytes is ${bytes}; expected a number from 1 to ${MAX_ARENA_PAGES * PAGE_BYTES} (4 GiB)`);
    }
    try {
      return new Arena(
        typeof WebAssembly === "undefined"
          ? new SharedArrayBuffer(pages * PAGE_BYTES)
          : new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }),
      );
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(`an arena of ${pages * PAGE_BYTES} bytes could not be allocated; ask for fewer bytes`, {
        cause: error,
      });
    }
  }

  /** Bytes of the arena. */
  get bytes(): number {
    return this.u8.length;
  }

  /** This thread's kernels on the arena, made when first needed. */
  get kernels(): Kernels {
    this.#kernels ??= createKernels(isMemory(this.memory) ? this.memory : undefined, this.buffer);
    return this.#kernels;
  }
}

function isMemory(memory: unknown): memory is WasmMemory {
  return typeof WebAssembly !== "undefined" && memory instanceof WebAssembly.Memory;
}
