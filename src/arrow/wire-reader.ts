/**
 * Reads record batches out of plain bytes that somebody else may have written: a message from a file, of our own layout or of
 * any other that the IPC format allows. What `MessageReader` is for messages in an arena, with two differences: the words of the header
 * may lie anywhere, and all of them are checked before a column follows them.
 *
 * What is checked (`place`): that nodes and buffers are as many as the schema asks for, that every buffer lies in the body and
 * all together are no longer than it, that no column counts more nulls than rows and has a bitmap for them, and that the columns have
 * the batch's rows. What lies in the buffers is not looked at: offsets, indices, type ids are judged by the append that takes the batch in.
 *
 * Batches are views on the bytes; a buffer at an address that its type cannot be read from is copied.
 *
 * @module
 */
import { makeData, Vector } from "apache-arrow";
import { CorruptError } from "../errors.js";
import type { BatchPlan } from "./batch-plan.js";
import { type Column, MAX_ROWS } from "./columns/column.js";
import { DictionaryColumn } from "./columns/dictionary.js";
import { UNKNOWN_NULL_COUNT } from "./data.js";
import type { DictionaryPlan } from "./dictionary-plan.js";
import { type ArrayClass, MessageReader } from "./message-reader.js";

/** Most pieces a dictionary may be made of: each delta is one more. */
const MAX_DICTIONARY_CHUNKS = 4_096;
const UNKNOWN = 0xffffffff;

/** Where the parts of one batch lie: addresses in the buffer under the bytes, all but the body's in 32-bit words. */
export interface BatchPlace {
  readonly nodesWord: number;
  readonly nodeCount: number;
  readonly buffersWord: number;
  readonly bufferCount: number;
  readonly body: number;
  readonly bodyBytes: number;
  readonly rows: number;
}

/** The columns of one kind of message: those of a batch, or the values of a dictionary. */
export class WireColumns {
  readonly columns: readonly Column[];
  /** Of these columns and all below them. */
  readonly nodeCount: number;
  readonly bufferCount: number;
  /** Node and buffer of every validity bitmap, in pairs. */
  readonly validities: readonly number[];
  readonly dictionaries: readonly DictionaryColumn[];

  constructor(columns: readonly Column[], nodeCount: number, bufferCount: number) {
    const all = columns.flatMap(withChildren);
    this.columns = columns;
    this.nodeCount = nodeCount;
    this.bufferCount = bufferCount;
    this.validities = all.flatMap((column) => {
      const buffer = column.bufferOf("validity");
      return buffer === undefined ? [] : [column.node, buffer];
    });
    this.dictionaries = all.filter((column) => column instanceof DictionaryColumn);
  }

  /** All columns of the schema's batches, or without the last one. */
  static ofBatch({ columns, template }: BatchPlan, withoutLast = false): WireColumns {
    const last = withoutLast ? columns.at(-1) : undefined;
    if (last === undefined) return new WireColumns(columns, template.nodeCount, template.bufferCount);
    return new WireColumns(columns.slice(0, -1), last.node, last.firstBuffer);
  }

  static ofDictionary({ values, template }: DictionaryPlan): WireColumns {
    return new WireColumns([values], template.nodeCount, template.bufferCount);
  }
}

export class WireReader extends MessageReader {
  readonly #buffer: ArrayBufferLike;
  readonly #u32: Uint32Array;
  readonly #inForce: (Vector | undefined)[] = [];
  #nodesWord = 0;
  #buffersWord = 0;
  #body = 0;

  /** @param u32 view from the start of the buffer under the bytes to its last whole word */
  constructor(u32: Uint32Array, plan: BatchPlan) {
    super({ buffer: u32.buffer, u32 }, plan.template);
    this.#buffer = u32.buffer;
    this.#u32 = u32;
  }

  /**
   * Moves to a batch whose parts lie inside the buffer, and checks it against its columns.
   *
   * @throws CorruptError
   */
  place(columns: WireColumns, place: BatchPlace): this {
    const { nodeCount, bufferCount, rows, bodyBytes } = place;
    if (nodeCount !== columns.nodeCount || bufferCount !== columns.bufferCount) {
      throw new CorruptError(
        `the batch has ${nodeCount} nodes and ${bufferCount} buffers; its schema asks for ${columns.nodeCount} and ${columns.bufferCount}`,
      );
    }
    // Every row takes a bit at least: so what a reader sets aside for rows is in proportion to the bytes there are.
    if (rows > MAX_ROWS || rows > 8 * bodyBytes) {
      throw new CorruptError(`the batch states ${rows} rows, more than its body of ${bodyBytes} bytes can hold`);
    }
    this.#nodesWord = place.nodesWord;
    this.#buffersWord = place.buffersWord;
    this.#body = place.body;
    this.#checkNodes(nodeCount);
    this.#checkBuffers(bufferCount, bodyBytes);
    this.#checkValidities(columns.validities);
    for (const { node, path } of columns.columns) {
      if (this.length(node) === rows) continue;
      throw new CorruptError(
        `column ${JSON.stringify(path)} has ${this.length(node)} rows in a batch that states ${rows}`,
      );
    }
    for (const { node, path, dictionary } of columns.dictionaries) {
      if (this.#inForce[dictionary.index] !== undefined || this.nullCount(node) === this.length(node)) continue;
      throw new CorruptError(`column ${JSON.stringify(path)} refers to a dictionary that does not come before it`);
    }
    return this;
  }

  /** Puts the values that lie here into force, in place of the former ones or, as a delta, behind them. */
  define(plan: DictionaryPlan, isDelta: boolean): void {
    const values = plan.values.read(this);
    const before = isDelta ? (this.#inForce[plan.index]?.data ?? []) : [];
    if (before.length >= MAX_DICTIONARY_CHUNKS) {
      throw new CorruptError(`a dictionary is made of more than ${MAX_DICTIONARY_CHUNKS} pieces`);
    }
    this.#inForce[plan.index] = new Vector([...before, values]);
  }

  override length(node: number): number {
    return this.#u32[this.#nodesWord + 4 * node] ?? 0;
  }

  override nullCount(node: number): number {
    const count = this.#u32[this.#nodesWord + 4 * node + 2] ?? 0;
    return count === UNKNOWN ? UNKNOWN_NULL_COUNT : count;
  }

  override address(index: number): number {
    return this.#body + (this.#u32[this.#buffersWord + 4 * index] ?? 0);
  }

  override byteLength(index: number): number {
    return this.#u32[this.#buffersWord + 4 * index + 2] ?? 0;
  }

  override array<T>(index: number, arrayClass: ArrayClass<T>): T {
    const width = arrayClass.BYTES_PER_ELEMENT;
    const address = this.address(index);
    const bytes = this.byteLength(index);
    const count = Math.floor(bytes / width);
    if (address % width === 0) return new arrayClass(this.#buffer, address, count);
    return new arrayClass(this.#buffer.slice(address, address + bytes), 0, count);
  }

  override dictionary(plan: DictionaryPlan): Vector {
    return this.#inForce[plan.index] ?? new Vector([makeData({ type: plan.values.type, length: 0 })]);
  }

  #checkNodes(count: number): void {
    const u32 = this.#u32;
    for (let node = 0, word = this.#nodesWord; node < count; node++, word += 4) {
      const length = u32[word] ?? 0;
      const nulls = u32[word + 2] ?? 0;
      const high = u32[word + 3] ?? 0;
      // Some writers leave the nulls to be counted and state −1.
      const sound = high === 0 ? nulls <= length : high === UNKNOWN && nulls === UNKNOWN;
      if (u32[word + 1] === 0 && length <= MAX_ROWS && sound) continue;
      throw new CorruptError(`node ${node} states ${int64(u32, word)} rows and ${int64(u32, word + 2)} nulls`);
    }
  }

  #checkBuffers(count: number, bodyBytes: number): void {
    const u32 = this.#u32;
    let sum = 0;
    for (let buffer = 0, word = this.#buffersWord; buffer < count; buffer++, word += 4) {
      const offset = u32[word] ?? 0;
      const length = u32[word + 2] ?? 0;
      sum += length;
      if (u32[word + 1] === 0 && u32[word + 3] === 0 && offset + length <= bodyBytes && sum <= bodyBytes) continue;
      throw new CorruptError(
        `buffer ${buffer} (${int64(u32, word + 2)} bytes at ${int64(u32, word)}) lies outside of its body of ${bodyBytes} bytes, or over another`,
      );
    }
  }

  #checkValidities(pairs: readonly number[]): void {
    for (let i = 0; i < pairs.length; i += 2) {
      const [node = 0, buffer = 0] = [pairs[i], pairs[i + 1]];
      const bytes = this.byteLength(buffer);
      const length = this.length(node);
      if (bytes === 0 ? this.nullCount(node) <= 0 : 8 * bytes >= length) continue;
      throw new CorruptError(`node ${node} has ${length} rows, nulls among them, and a bitmap of ${bytes} bytes`);
    }
  }
}

function withChildren(column: Column): Column[] {
  return [column, ...column.children.flatMap(withChildren)];
}

function int64(u32: Uint32Array, word: number): bigint {
  return BigInt.asIntN(64, (BigInt(u32[word + 1] ?? 0) << 32n) | BigInt(u32[word] ?? 0));
}
