/**
 * Lays one Arrow IPC message after the other into the free part of an arena, straight from the source's own arrays.
 *
 * Who may write: the one writer of the store that the arena belongs to. Nothing this class writes is visible to readers; the store
 * publishes it afterwards, or forgets it.
 *
 * ```
 *   message start (64-aligned)        body (64-aligned)                          next message
 *   │ header: template, patched words │ buffer 0 │0│ buffer 1 │0│ … │ extra │0│ │
 * ```
 *
 * - Every buffer starts on a 64-byte boundary and is padded with zeros to the next: there are no gaps between messages, padding lies
 *   inside the body, because readers of IPC take bytes between messages for the end of the stream.
 * - Memory at or beyond `dirtyEnd` is zero since it was allocated, so padding there costs nothing. Below it (left by a failed
 *   append, by a former use of the arena) the last block of every buffer is zeroed before it is written.
 * - When the free part is used up nothing more is written, but the sizes are still added up, so that the error can say what would
 *   have been needed.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import type { Kernels } from "../kernels/interface.js";
import { alignBits } from "../kernels/plain/bits.js";
import { ALIGNMENT, aligned, type MessageTemplate } from "./message.js";

/** Views of a whole arena, one per element width, made once. */
export interface ArenaViews {
  readonly buffer: ArrayBufferLike;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
}

/** Receives the new end of memory that is about to be written, before it is: see `layout.ts`, word `dirty`. */
export type DirtyMark = (end: number) => void;

const MARK_STEP = 1 << 20;

export class BodyWriter {
  readonly kernels: Kernels;
  readonly views: ArenaViews;
  /** Bytes of the buffers of the message being written, without padding. */
  payloadBytes = 0;
  /** Bytes below this may hold anything; at or above it they are zero. */
  dirtyEnd: number;

  readonly #mark: DirtyMark;
  readonly #i64: BigInt64Array;
  readonly #f32: Float32Array;
  #markedEnd: number;
  /** Template of the header written last, and where that header is. */
  #template: MessageTemplate | undefined;
  #templateAt = 0;
  #limit = 0;
  #start = 0;
  #word = 0;
  #body = 0;
  #cursor = 0;
  #nodesWord = 0;
  #buffersWord = 0;
  #overflow = false;

  constructor(views: ArenaViews, kernels: Kernels, dirtyEnd: number, mark: DirtyMark) {
    this.views = views;
    this.kernels = kernels;
    this.dirtyEnd = dirtyEnd;
    this.#markedEnd = dirtyEnd;
    this.#mark = mark;
    this.#i64 = new BigInt64Array(views.buffer);
    this.#f32 = new Float32Array(views.buffer);
  }

  /** True once the message has passed the end of the free part; what was written is then unusable. */
  get overflow(): boolean {
    return this.#overflow;
  }

  /** First byte after what has been laid out so far. */
  get end(): number {
    return this.#cursor;
  }

  /** Address of the body of the message being written. */
  get body(): number {
    return this.#body;
  }

  /**
   * Begins a message. Until `finish`, every node and every buffer of the template has to be entered: the header holds those of another
   * message.
   *
   * @param start address, a multiple of 64
   * @param limit first address that must not be written
   */
  begin(template: MessageTemplate, start: number, limit: number): void {
    const headerBytes = template.bytes.byteLength;
    this.#limit = limit;
    this.#start = start;
    this.#word = start / 4;
    this.#body = start + headerBytes;
    this.#cursor = this.#body;
    this.#nodesWord = this.#word + template.nodesWord;
    this.#buffersWord = this.#word + template.buffersWord;
    this.payloadBytes = 0;
    this.#overflow = this.#body > limit;
    if (this.#overflow) return;
    if (this.#body + ALIGNMENT > this.#markedEnd) this.#raiseMark();
    // From the header before, which differs in patched words only: a kernel copies several times faster than `set` at this size.
    if (template === this.#template) this.kernels.copy(start, this.#templateAt, headerBytes);
    else this.views.u8.set(template.bytes, start);
    this.#template = template;
    this.#templateAt = start;
  }

  /** Ends the message and returns its bytes, header included: a multiple of 64. */
  finish(template: MessageTemplate, rows: number): number {
    if (!this.#overflow) {
      this.views.u32[this.#word + template.bodyLengthWord] = this.#cursor - this.#body;
      this.views.u32[this.#word + template.rowsWord] = rows;
    }
    return this.#cursor - this.#start;
  }

  /** Sets field node `index`. */
  node(index: number, length: number, nullCount: number): void {
    if (this.#overflow) return;
    const word = this.#nodesWord + 4 * index;
    this.views.u32[word] = length;
    this.views.u32[word + 2] = nullCount;
  }

  /**
   * Takes room for buffer `index` and enters it in the header.
   *
   * @returns its address; unusable when {@link overflow} is true
   */
  buffer(index: number, bytes: number): number {
    const address = this.reserve(bytes);
    this.payloadBytes += bytes;
    if (this.#overflow) return address;
    const word = this.#buffersWord + 4 * index;
    this.views.u32[word] = address - this.#body;
    this.views.u32[word + 2] = bytes;
    return address;
  }

  /**
   * Enters a column of fixed-width values without nulls whose array holds just its rows, in one step: what most columns are, and a
   * tenth of the time of a small append.
   *
   * @param node field node
   * @param index the validity buffer, which gets no bytes; the values are the next one
   * @returns false when it cannot be done in one step (the end of the arena or of the marked memory is near, or the source is of
   * an uncommon class); then nothing has been done
   */
  wholeColumn(node: number, index: number, rows: number, source: ArrayBufferView): boolean {
    const bytes = source.byteLength;
    const address = this.#cursor;
    const next = address + aligned(bytes);
    if (this.#overflow || next + ALIGNMENT > this.#limit || next + ALIGNMENT > this.#markedEnd) return false;
    const { u32, f64 } = this.views;
    if (address < this.dirtyEnd) {
      for (let i = (next - ALIGNMENT) / 8, end = next / 8; i < end; i++) f64[i] = 0;
    }
    if (!this.#storeWhole(address, source)) return false;
    const nodeWord = this.#nodesWord + 4 * node;
    u32[nodeWord] = rows;
    u32[nodeWord + 2] = 0;
    const bufferWord = this.#buffersWord + 4 * index;
    const offset = address - this.#body;
    u32[bufferWord] = offset;
    u32[bufferWord + 2] = 0;
    u32[bufferWord + 4] = offset;
    u32[bufferWord + 6] = bytes;
    this.#cursor = next;
    this.payloadBytes += bytes;
    return true;
  }

  /** Takes room in the body that no buffer refers to; zero-padded like a buffer. */
  reserve(bytes: number): number {
    const address = this.#cursor;
    const next = address + aligned(bytes);
    this.#cursor = next;
    if (this.#overflow || next > this.#limit) {
      this.#overflow = true;
      return address;
    }
    if (next + ALIGNMENT > this.#markedEnd) this.#raiseMark();
    if (address < this.dirtyEnd && next > address) {
      const { f64 } = this.views;
      for (let i = (next - ALIGNMENT) / 8, end = next / 8; i < end; i++) f64[i] = 0;
    }
    return address;
  }

  /** Gives back the buffer taken last, as if it had never been asked for; it stays in the header with no bytes. */
  dropLast(index: number, address: number, bytes: number): void {
    this.payloadBytes -= bytes;
    this.#cursor = address;
    if (this.#overflow) return;
    this.views.u32[this.#buffersWord + 4 * index + 2] = 0;
    this.#soil(address + aligned(bytes));
  }

  /**
   * Copies `bytes` bytes of `source`, from byte `begin` of it, into buffer `index`. Returns the address.
   *
   * @param room bytes of the buffer, at least `bytes`; the rest is 0
   */
  copy(index: number, source: ArrayBufferView, begin: number, bytes: number, room = bytes): number {
    const address = this.buffer(index, room);
    if (this.#overflow) return address;
    if (bytes > 0) this.#store(address, source, begin, bytes);
    if (room > bytes) this.views.u8.fill(0, address + bytes, address + room);
    return address;
  }

  /**
   * Copies `length` bits of `source` from bit `bitOffset` on into buffer `index`, so that they start at bit 0 and the rest
   * of the last byte is 0. Returns the address.
   */
  copyBits(index: number, source: ArrayBufferView, bitOffset: number, length: number): number {
    const shift = bitOffset & 7;
    const bytes = Math.ceil(length / 8);
    const sourceBytes = Math.ceil((shift + length) / 8);
    const address = this.buffer(index, bytes);
    if (this.#overflow || length === 0) return address;
    if (address + sourceBytes > this.#limit) {
      // No room at the very end of the arena for the byte more that the kernel moves.
      this.views.u8.set(shiftedBits(source, bitOffset, length), address);
      return address;
    }
    this.#store(address, source, Math.floor(bitOffset / 8), sourceBytes);
    this.kernels.alignBits(address, shift, length);
    if (sourceBytes > bytes) this.views.u8.fill(0, address + bytes, address + sourceBytes);
    return address;
  }

  /** Forgets the message: what it wrote is counted as dirty. */
  abandon(): void {
    this.#soil(Math.min(this.#cursor, this.#markedEnd));
  }

  /**
   * Copies into the arena. A copy into shared memory is bytewise, eight times slower, unless source and destination agree
   * modulo 8; so a source at an odd address is stored as many bytes too high and then slid down by a kernel, for which alignment
   * does not matter.
   */
  #store(address: number, source: ArrayBufferView, begin: number, bytes: number): void {
    const offset = source.byteOffset + begin;
    const shift = offset & 7;
    if (begin === 0 && shift === 0 && bytes === source.byteLength && this.#storeWhole(address, source)) return;
    const { u8 } = this.views;
    const view = new Uint8Array(source.buffer, offset, bytes);
    if (shift === 0 || bytes < 16) {
      u8.set(view, address);
      return;
    }
    if (address + shift + bytes > this.#limit) {
      u8.set(view, address); // no room for the slide at the very end of the arena: slower, but right
      return;
    }
    u8.set(view, address + shift);
    this.kernels.copy(address, address + shift, bytes);
    u8.fill(0, address + bytes, address + bytes + shift);
  }

  /** A whole array of one of the commonest classes, without making a view of it. */
  #storeWhole(address: number, source: ArrayBufferView): boolean {
    if (source instanceof Int32Array) this.views.i32.set(source, address / 4);
    else if (source instanceof BigInt64Array) this.#i64.set(source, address / 8);
    else if (source instanceof Float64Array) this.views.f64.set(source, address / 8);
    else if (source instanceof Float32Array) this.#f32.set(source, address / 4);
    else if (source instanceof Uint8Array) this.views.u8.set(source, address);
    else return false;
    return true;
  }

  #soil(end: number): void {
    if (end > this.dirtyEnd) this.dirtyEnd = end;
  }

  /** Steps of 1 MiB, so that the shared mark is written once in many appends; at least one block above the cursor. */
  #raiseMark(): void {
    const end = Math.min(this.#cursor + 2 * MARK_STEP, this.views.u8.length);
    if (end === this.#markedEnd) return;
    this.#markedEnd = end;
    this.#mark(end);
  }
}

/** Throws the error for data that is not what its type says. */
export function malformed(column: string, what: string): never {
  throw new UsageError(`column ${JSON.stringify(column)} is malformed: ${what}`);
}

/** Bits [bitOffset, bitOffset + length) of `source`, moved to bit 0. */
function shiftedBits(source: ArrayBufferView, bitOffset: number, length: number): Uint8Array {
  const shift = bitOffset & 7;
  const begin = source.byteOffset + Math.floor(bitOffset / 8);
  const bytes = new Uint8Array(source.buffer, begin, Math.ceil((shift + length) / 8)).slice();
  alignBits(bytes, shift, length);
  return bytes.subarray(0, Math.ceil(length / 8));
}
