/**
 * The kernels in TypeScript, on any buffer: the free functions of plain/ on views of it. It makes small view objects
 * per call; what must not allocate runs in WebAssembly.
 */
import type { IndexWidth, Kernels } from "./interface.js";
import { KEY_KIND } from "./key-index.js";
import { alignBits, countBits, gatherBits, reverseBits } from "./plain/bits.js";
import { checksumBits, checksumFixed, checksumVar } from "./plain/checksum.js";
import { gatherFixed, reverseFixed } from "./plain/fixed.js";
import { type IndexArray, indicesValid, typeIdsValid } from "./plain/ids.js";
import { PlainKeyIndex } from "./plain/key-index.js";
import { offsetsValid, rebase } from "./plain/offsets.js";
import { statisticsOf } from "./plain/statistics.js";
import { sumF64, sumI64 } from "./plain/sum.js";
import { gatherVar, reverseVar } from "./plain/var.js";
import { emptyStatistics, type NumberKind, numberWidth, writeStatistics } from "./statistics.js";

const NO_OFFSETS = new Uint32Array(0);

/** Kernels in TypeScript on one buffer; see `Kernels` for every method. */
export class PlainKernels implements Kernels {
  readonly kind = "plain";
  readonly #buffer: ArrayBufferLike;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #statistics = emptyStatistics();

  /** @param buffer - where all addresses lie; must not be resizable */
  constructor(buffer: ArrayBufferLike) {
    this.#buffer = buffer;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }

  #from(at: number): Uint8Array {
    return this.#bytes.subarray(at);
  }

  #validity(at: number): Uint8Array | undefined {
    return at === 0 ? undefined : this.#from(at);
  }

  #ints(at: number, count: number): Int32Array {
    return new Int32Array(this.#buffer, at, count);
  }

  #longs(at: number, count: number): BigInt64Array {
    return new BigInt64Array(this.#buffer, at, count);
  }

  #indices(at: number, count: number): Uint32Array {
    return new Uint32Array(this.#buffer, at, count);
  }

  /** Offsets are read at any row, so the view goes to the end of the buffer. */
  #allInts(at: number): Int32Array {
    return this.#ints(at, Math.floor((this.#buffer.byteLength - at) / 4));
  }

  #allLongs(at: number): BigInt64Array {
    return this.#longs(at, Math.floor((this.#buffer.byteLength - at) / 8));
  }

  copy(dst: number, src: number, bytes: number): void {
    this.#bytes.copyWithin(dst, src, src + bytes);
  }

  fill(dst: number, byte: number, bytes: number): void {
    this.#bytes.fill(byte, dst, dst + bytes);
  }

  rebase32(at: number, count: number, delta: number): void {
    rebase(this.#ints(at, count), delta);
  }

  rebase64(at: number, count: number, delta: number): void {
    rebase(this.#longs(at, count), delta);
  }

  offsetsValid32(at: number, count: number, limit: number): boolean {
    return offsetsValid(this.#ints(at, count), limit);
  }

  offsetsValid64(at: number, count: number, limit: number): boolean {
    return offsetsValid(this.#longs(at, count), limit);
  }

  indicesValid(
    at: number,
    width: IndexWidth,
    signed: boolean,
    count: number,
    validityAt: number,
    limit: number,
  ): boolean {
    return indicesValid(this.#indexArray(at, width, signed, count), this.#validity(validityAt), 0, limit);
  }

  #indexArray(at: number, width: IndexWidth, signed: boolean, count: number): IndexArray {
    const buffer = this.#buffer;
    switch (width) {
      case 1:
        return signed ? new Int8Array(buffer, at, count) : new Uint8Array(buffer, at, count);
      case 2:
        return signed ? new Int16Array(buffer, at, count) : new Uint16Array(buffer, at, count);
      case 4:
        return signed ? new Int32Array(buffer, at, count) : new Uint32Array(buffer, at, count);
      case 8:
        return signed ? new BigInt64Array(buffer, at, count) : new BigUint64Array(buffer, at, count);
    }
  }

  typeIdsValid(at: number, count: number, set0: number, set1: number, set2: number, set3: number): boolean {
    return typeIdsValid(new Int8Array(this.#buffer, at, count), set0, set1, set2, set3);
  }

  alignBits(at: number, bitOffset: number, bits: number): void {
    alignBits(this.#from(at), bitOffset, bits);
  }

  countBits(at: number, bits: number): number {
    return countBits(this.#from(at), 0, bits);
  }

  statistics(kind: NumberKind, at: number, validityAt: number, count: number, firstRow: number, out: number): void {
    const values = this.#bytes.subarray(at, at + count * numberWidth[kind]);
    statisticsOf(kind, values, this.#validity(validityAt), 0, count, firstRow, this.#statistics);
    writeStatistics(kind, this.#view, out, this.#statistics);
  }

  sumI64(at: number, count: number): bigint {
    return sumI64(this.#longs(at, count));
  }

  sumF64(at: number, count: number): number {
    return sumF64(new Float64Array(this.#buffer, at, count));
  }

  checksumFixed(at: number, width: number, validityAt: number, count: number, firstRow: number): number {
    return checksumFixed(this.#from(at), width, this.#validity(validityAt), 0, count, firstRow);
  }

  checksumBits(at: number, validityAt: number, count: number, firstRow: number): number {
    return checksumBits(this.#from(at), 0, this.#validity(validityAt), 0, count, firstRow);
  }

  checksumVar32(offsetsAt: number, dataAt: number, validityAt: number, count: number, firstRow: number): number {
    const offsets = this.#ints(offsetsAt, count + 1);
    return checksumVar(offsets, this.#from(dataAt), this.#validity(validityAt), 0, count, firstRow);
  }

  checksumVar64(offsetsAt: number, dataAt: number, validityAt: number, count: number, firstRow: number): number {
    const offsets = this.#longs(offsetsAt, count + 1);
    return checksumVar(offsets, this.#from(dataAt), this.#validity(validityAt), 0, count, firstRow);
  }

  gatherFixed(src: number, width: number, indicesAt: number, count: number, dst: number): void {
    gatherFixed(this.#from(src), width, this.#indices(indicesAt, count), this.#from(dst));
  }

  gatherBits(src: number, indicesAt: number, count: number, dst: number): void {
    gatherBits(this.#from(src), 0, this.#indices(indicesAt, count), this.#from(dst));
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
    const outData = this.#bytes.subarray(outDataAt, outDataAt + outDataCapacity);
    const outOffsets = this.#ints(outOffsetsAt, count + 1);
    const indices = this.#indices(indicesAt, count);
    return gatherVar(this.#allInts(offsetsAt), this.#from(dataAt), indices, outOffsets, outData);
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
    const outData = this.#bytes.subarray(outDataAt, outDataAt + outDataCapacity);
    const outOffsets = this.#longs(outOffsetsAt, count + 1);
    const indices = this.#indices(indicesAt, count);
    return gatherVar(this.#allLongs(offsetsAt), this.#from(dataAt), indices, outOffsets, outData);
  }

  reverseFixed(src: number, width: number, count: number, dst: number): void {
    reverseFixed(this.#from(src), width, count, this.#from(dst));
  }

  reverseBits(src: number, bitOffset: number, count: number, dst: number): void {
    reverseBits(this.#from(src), bitOffset, count, this.#from(dst));
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
    const outData = this.#bytes.subarray(outDataAt, outDataAt + outDataCapacity);
    const outOffsets = this.#ints(outOffsetsAt, count + 1);
    const offsets = this.#ints(offsetsAt, firstRow + count + 1);
    return reverseVar(offsets, this.#from(dataAt), firstRow, count, outOffsets, outData);
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
    const outData = this.#bytes.subarray(outDataAt, outDataAt + outDataCapacity);
    const outOffsets = this.#longs(outOffsetsAt, count + 1);
    const offsets = this.#longs(offsetsAt, firstRow + count + 1);
    return reverseVar(offsets, this.#from(dataAt), firstRow, count, outOffsets, outData);
  }

  keyIndexInsert(index: number, position: number): number {
    return new PlainKeyIndex(this.#buffer, index).insert(position);
  }

  keyIndexRebuild(index: number, batches: number, root: number): void {
    new PlainKeyIndex(this.#buffer, index).rebuild(batches, root);
  }

  keyIndexFind(index: number, record: number, count: number, rows: number, out: number): void {
    const plain = new PlainKeyIndex(this.#buffer, index);
    const columns = plain.columns(record);
    const found = this.#indices(out, count);
    for (let i = 0; i < count; i++) found[i] = plain.find(columns, i, rows);
  }

  keyIndexFindLong(index: number, key: bigint, rows: number): number {
    const bytes = new Uint8Array(BigInt64Array.of(key).buffer);
    const column = { kind: KEY_KIND.LONG, bytes, at: 0, offsets: NO_OFFSETS, offsetsAt: 0 };
    return new PlainKeyIndex(this.#buffer, index).find([column], 0, rows);
  }

  keyIndexNewest(index: number, firstRow: number, count: number, rows: number, out: number): number {
    const plain = new PlainKeyIndex(this.#buffer, index);
    const newest = this.#indices(out, count);
    let found = 0;
    for (let i = 0; i < count; i++) if (plain.isNewest(firstRow + i, rows)) newest[found++] = i;
    return found;
  }
}
