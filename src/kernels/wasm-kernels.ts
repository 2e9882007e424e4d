/**
 * The kernels in WebAssembly. WebAssembly takes and returns i32: addresses above 2 GiB wrap on the way in by
 * themselves and unsigned results are made unsigned again here. No method allocates, except for the BigInt that
 * `sumI64` returns.
 */
import { CorruptError } from "../errors.js";
import type { IndexWidth, Kernels } from "./interface.js";
import type { NumberKind } from "./statistics.js";

type Take = (
  offsetsAt: number,
  dataAt: number,
  indicesAtOrFirstRow: number,
  count: number,
  outOffsetsAt: number,
  outDataAt: number,
  outDataCapacity: number,
) => number;

type Checksum = (at: number, dataAtOrWidth: number, validityAt: number, count: number, firstRow: number) => number;

/** What the module exports; booleans are 0 or 1. */
interface Exports {
  readonly alignBits: Kernels["alignBits"];
  readonly checksumBits: Kernels["checksumBits"];
  readonly checksumFixed: Checksum;
  readonly checksumVar32: Checksum;
  readonly checksumVar64: Checksum;
  readonly copy: Kernels["copy"];
  readonly countBits: Kernels["countBits"];
  readonly fill: Kernels["fill"];
  readonly gatherBits: Kernels["gatherBits"];
  readonly gatherFixed: Kernels["gatherFixed"];
  readonly gatherVar32: Take;
  readonly gatherVar64: Take;
  readonly indicesValid: (at: number, width: number, count: number, validityAt: number, limit: number) => number;
  readonly indicesValid8: (at: number, count: number, validityAt: number, limit: number) => number;
  readonly keyIndexFind: Kernels["keyIndexFind"];
  readonly keyIndexFindLong: Kernels["keyIndexFindLong"];
  readonly keyIndexInsert: Kernels["keyIndexInsert"];
  readonly keyIndexNewest: Kernels["keyIndexNewest"];
  readonly keyIndexRebuild: Kernels["keyIndexRebuild"];
  readonly offsetsValid32: (at: number, count: number, limit: number) => number;
  readonly offsetsValid64: (at: number, count: number, limit: number) => number;
  readonly rebase32: Kernels["rebase32"];
  readonly rebase64: Kernels["rebase64"];
  readonly reverseBits: Kernels["reverseBits"];
  readonly reverseFixed: Kernels["reverseFixed"];
  readonly reverseVar32: Take;
  readonly reverseVar64: Take;
  readonly statisticsDoubles: (at: number, validityAt: number, count: number, firstRow: number, out: number) => void;
  readonly statisticsFloats: (
    at: number,
    width: number,
    validityAt: number,
    count: number,
    firstRow: number,
    out: number,
  ) => void;
  readonly statisticsInts: (
    at: number,
    width: number,
    signed: number,
    validityAt: number,
    count: number,
    firstRow: number,
    out: number,
  ) => void;
  readonly statisticsLongs: (
    at: number,
    signed: number,
    validityAt: number,
    count: number,
    firstRow: number,
    out: number,
  ) => void;
  readonly sumF64: Kernels["sumF64"];
  readonly sumI64: Kernels["sumI64"];
  readonly typeIdsValid: (at: number, count: number, set0: number, set1: number, set2: number, set3: number) => number;
}

const exportNames: Readonly<Record<keyof Exports, true>> = {
  alignBits: true,
  checksumBits: true,
  checksumFixed: true,
  checksumVar32: true,
  checksumVar64: true,
  copy: true,
  countBits: true,
  fill: true,
  gatherBits: true,
  gatherFixed: true,
  gatherVar32: true,
  gatherVar64: true,
  indicesValid: true,
  indicesValid8: true,
  keyIndexFind: true,
  keyIndexFindLong: true,
  keyIndexInsert: true,
  keyIndexNewest: true,
  keyIndexRebuild: true,
  offsetsValid32: true,
  offsetsValid64: true,
  rebase32: true,
  rebase64: true,
  reverseBits: true,
  reverseFixed: true,
  reverseVar32: true,
  reverseVar64: true,
  statisticsDoubles: true,
  statisticsFloats: true,
  statisticsInts: true,
  statisticsLongs: true,
  sumF64: true,
  sumI64: true,
  typeIdsValid: true,
};

function isExports(exports: unknown): exports is Exports {
  if (typeof exports !== "object" || exports === null) return false;
  const found = new Map<string, unknown>(Object.entries(exports));
  return Object.keys(exportNames).every((name) => typeof found.get(name) === "function");
}

/** Kernels in WebAssembly on one shared memory; see `Kernels` for every method. */
export class WasmKernels implements Kernels {
  readonly kind = "wasm";
  readonly #wasm: Exports;

  /**
   * @param module - from `kernelsModule()`
   * @param memory - shared, at most 65,536 pages
   */
  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory) {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    if (!isExports(exports)) {
      throw new CorruptError(
        "The kernels' WebAssembly module lacks functions that this version expects: build it again.",
      );
    }
    // The exports object has slow properties; its copy has fast ones.
    this.#wasm = { ...exports };
  }

  copy(dst: number, src: number, bytes: number): void {
    this.#wasm.copy(dst, src, bytes);
  }

  fill(dst: number, byte: number, bytes: number): void {
    this.#wasm.fill(dst, byte, bytes);
  }

  rebase32(at: number, count: number, delta: number): void {
    this.#wasm.rebase32(at, count, delta);
  }

  rebase64(at: number, count: number, delta: number): void {
    this.#wasm.rebase64(at, count, delta);
  }

  offsetsValid32(at: number, count: number, limit: number): boolean {
    return this.#wasm.offsetsValid32(at, count, limit) !== 0;
  }

  offsetsValid64(at: number, count: number, limit: number): boolean {
    return this.#wasm.offsetsValid64(at, count, limit) !== 0;
  }

  indicesValid(
    at: number,
    width: IndexWidth,
    signed: boolean,
    count: number,
    validityAt: number,
    limit: number,
  ): boolean {
    if (width === 8) return this.#wasm.indicesValid8(at, count, validityAt, limit) !== 0;
    // The kernel compares unsigned: a negative index is out of range as soon as the limit is no more than the signed
    // range.
    const range = 2 ** (8 * width - (signed ? 1 : 0));
    if (!signed && limit >= range) return true;
    return this.#wasm.indicesValid(at, width, count, validityAt, Math.min(limit, range)) !== 0;
  }

  typeIdsValid(at: number, count: number, set0: number, set1: number, set2: number, set3: number): boolean {
    return this.#wasm.typeIdsValid(at, count, set0, set1, set2, set3) !== 0;
  }

  alignBits(at: number, bitOffset: number, bits: number): void {
    this.#wasm.alignBits(at, bitOffset, bits);
  }

  countBits(at: number, bits: number): number {
    return this.#wasm.countBits(at, bits);
  }

  statistics(kind: NumberKind, at: number, validityAt: number, count: number, firstRow: number, out: number): void {
    const wasm = this.#wasm;
    switch (kind) {
      case "i8":
        wasm.statisticsInts(at, 1, 1, validityAt, count, firstRow, out);
        break;
      case "u8":
        wasm.statisticsInts(at, 1, 0, validityAt, count, firstRow, out);
        break;
      case "i16":
        wasm.statisticsInts(at, 2, 1, validityAt, count, firstRow, out);
        break;
      case "u16":
        wasm.statisticsInts(at, 2, 0, validityAt, count, firstRow, out);
        break;
      case "i32":
        wasm.statisticsInts(at, 4, 1, validityAt, count, firstRow, out);
        break;
      case "u32":
        wasm.statisticsInts(at, 4, 0, validityAt, count, firstRow, out);
        break;
      case "i64":
        wasm.statisticsLongs(at, 1, validityAt, count, firstRow, out);
        break;
      case "u64":
        wasm.statisticsLongs(at, 0, validityAt, count, firstRow, out);
        break;
      case "f16":
        wasm.statisticsFloats(at, 2, validityAt, count, firstRow, out);
        break;
      case "f32":
        wasm.statisticsFloats(at, 4, validityAt, count, firstRow, out);
        break;
      case "f64":
        wasm.statisticsDoubles(at, validityAt, count, firstRow, out);
        break;
    }
  }

  sumI64(at: number, count: number): bigint {
    return this.#wasm.sumI64(at, count);
  }

  sumF64(at: number, count: number): number {
    return this.#wasm.sumF64(at, count);
  }

  checksumFixed(at: number, width: number, validityAt: number, count: number, firstRow: number): number {
    return this.#wasm.checksumFixed(at, width, validityAt, count, firstRow) >>> 0;
  }

  checksumBits(at: number, validityAt: number, count: number, firstRow: number): number {
    return this.#wasm.checksumBits(at, validityAt, count, firstRow) >>> 0;
  }

  checksumVar32(offsetsAt: number, dataAt: number, validityAt: number, count: number, firstRow: number): number {
    return this.#wasm.checksumVar32(offsetsAt, dataAt, validityAt, count, firstRow) >>> 0;
  }

  checksumVar64(offsetsAt: number, dataAt: number, validityAt: number, count: number, firstRow: number): number {
    return this.#wasm.checksumVar64(offsetsAt, dataAt, validityAt, count, firstRow) >>> 0;
  }

  gatherFixed(src: number, width: number, indicesAt: number, count: number, dst: number): void {
    this.#wasm.gatherFixed(src, width, indicesAt, count, dst);
  }

  gatherBits(src: number, indicesAt: number, count: number, dst: number): void {
    this.#wasm.gatherBits(src, indicesAt, count, dst);
  }

  gatherVar32(
    offsetsAt: number,
    dataAt: number,
    indicesAt: number,
    count: number,
    outOffsetsAt: number,
    outDataAt: number,
    outDataCapacity: number,
  ): number {
    return this.#wasm.gatherVar32(offsetsAt, dataAt, indicesAt, count, outOffsetsAt, outDataAt, outDataCapacity);
  }

  gatherVar64(
    offsetsAt: number,
    dataAt: number,
    indicesAt: number,
    count: number,
    outOffsetsAt: number,
    outDataAt: number,
    outDataCapacity: number,
  ): number {
    return this.#wasm.gatherVar64(offsetsAt, dataAt, indicesAt, count, outOffsetsAt, outDataAt, outDataCapacity);
  }

  reverseFixed(src: number, width: number, count: number, dst: number): void {
    this.#wasm.reverseFixed(src, width, count, dst);
  }

  reverseBits(src: number, bitOffset: number, count: number, dst: number): void {
    this.#wasm.reverseBits(src, bitOffset, count, dst);
  }

  reverseVar32(
    offsetsAt: number,
    dataAt: number,
    firstRow: number,
    count: number,
    outOffsetsAt: number,
    outDataAt: number,
    outDataCapacity: number,
  ): number {
    return this.#wasm.reverseVar32(offsetsAt, dataAt, firstRow, count, outOffsetsAt, outDataAt, outDataCapacity);
  }

  reverseVar64(
    offsetsAt: number,
    dataAt: number,
    firstRow: number,
    count: number,
    outOffsetsAt: number,
    outDataAt: number,
    outDataCapacity: number,
  ): number {
    return this.#wasm.reverseVar64(offsetsAt, dataAt, firstRow, count, outOffsetsAt, outDataAt, outDataCapacity);
  }

  keyIndexInsert(index: number, position: number, scratch: number, scratchRows: number): number {
    return this.#wasm.keyIndexInsert(index, position, scratch, scratchRows);
  }

  keyIndexRebuild(index: number, batches: number, root: number, scratch: number, scratchRows: number): void {
    this.#wasm.keyIndexRebuild(index, batches, root, scratch, scratchRows);
  }

  keyIndexFind(index: number, record: number, count: number, rows: number, out: number): void {
    this.#wasm.keyIndexFind(index, record, count, rows, out);
  }

  keyIndexFindLong(index: number, key: bigint, rows: number): number {
    return this.#wasm.keyIndexFindLong(index, key, rows) >>> 0;
  }

  keyIndexNewest(index: number, firstRow: number, count: number, rows: number, out: number): number {
    return this.#wasm.keyIndexNewest(index, firstRow, count, rows, out);
  }
}
