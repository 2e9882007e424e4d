/**
 * Both implementations of the kernels, each on a memory of its own with the same bytes: every call is made on both
 * and must give the same result and leave the same bytes everywhere, so writes outside the stated regions show as
 * well.
 */
import { expect } from "vitest";
import { kernelsModule } from "./compile.js";
import type { Kernels } from "./kernels.js";
import { PlainKernels } from "./plain-kernels.js";
import { WasmKernels } from "./wasm-kernels.js";

/** Bytes of each memory. */
export const PAIR_BYTES = 2 * 65_536;

/** A view of the same bytes in both memories. */
export class KernelPair {
  readonly wasm: Kernels;
  readonly plain: Kernels;
  readonly #wasmBytes: Buffer;
  readonly #plainBytes: Buffer;

  constructor() {
    const module = kernelsModule();
    if (!module) throw new Error("this engine cannot run the kernels' WebAssembly");
    const memory = new WebAssembly.Memory({ initial: PAIR_BYTES / 65_536, maximum: PAIR_BYTES / 65_536, shared: true });
    const plainBuffer = new ArrayBuffer(PAIR_BYTES);
    this.wasm = new WasmKernels(module, memory);
    this.plain = new PlainKernels(plainBuffer);
    this.#wasmBytes = Buffer.from(memory.buffer);
    this.#plainBytes = Buffer.from(plainBuffer);
  }

  /** Fills both memories with one byte. */
  clear(byte: number): void {
    this.#wasmBytes.fill(byte);
    this.#plainBytes.fill(byte);
  }

  /** Writes the bytes of a view at `at` in both memories. */
  put(at: number, view: ArrayBufferView): void {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    this.#wasmBytes.set(bytes, at);
    this.#plainBytes.set(bytes, at);
  }

  /** A copy of bytes, which are the same in both memories. */
  bytes(at: number, length: number): Uint8Array {
    expect(this.#wasmBytes.subarray(at, at + length)).toEqual(this.#plainBytes.subarray(at, at + length));
    return new Uint8Array(this.#plainBytes.subarray(at, at + length));
  }

  /** Makes the call on both; results must be identical, and all bytes outside [looseFrom, looseTo). */
  run<T>(call: (kernels: Kernels) => T, looseFrom = 0, looseTo = 0): T {
    const result = call(this.plain);
    const other = call(this.wasm);
    expect(Object.is(other, result), `wasm gave ${other}, the twin ${result}`).toBe(true);
    for (const [from, to] of [
      [0, looseFrom],
      [looseTo, PAIR_BYTES],
    ] as const) {
      const differ = this.#wasmBytes.compare(this.#plainBytes, from, to, from, to);
      expect(differ, `bytes differ in [${from}, ${to})`).toBe(0);
    }
    return result;
  }
}
