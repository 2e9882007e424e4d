/**
 * Reads one laid-out message back: typed arrays on the arena's bytes, found through the words of the message's own header.
 *
 * A reader is moved from message to message (`at`), so reading a batch allocates nothing but the arrays asked for.
 *
 * @module
 */
import { Vector } from "apache-arrow";
import type { ArenaViews } from "./body-writer.js";
import type { DictionaryPlan } from "./dictionary-plan.js";
import type { MessageTemplate } from "./message.js";

/** Any of the typed arrays of Arrow's values. */
export type TypedArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** A class of typed arrays. */
export interface ArrayClass<T> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** Distinct dictionary messages whose vectors are kept for reuse. */
const MAX_KEPT_DICTIONARIES = 256;
const NO_BYTES = new Uint8Array(0);

/** The views that reading takes. */
export type MessageViews = Pick<ArenaViews, "buffer" | "u32">;

export class MessageReader {
  readonly #views: MessageViews;
  readonly #dictionaries: Map<number, Vector>;
  #template: MessageTemplate;
  #word = 0;
  #start = 0;
  #dictionarySet = 0;

  constructor(views: MessageViews, template: MessageTemplate, dictionaries = new Map<number, Vector>()) {
    this.#views = views;
    this.#template = template;
    this.#dictionaries = dictionaries;
  }

  /**
   * Moves to the message at address `start`.
   *
   * @param dictionarySet address of the record of the dictionaries in force, 0 when the schema has none
   */
  at(start: number, dictionarySet: number): this {
    this.#start = start;
    this.#word = start / 4;
    this.#dictionarySet = dictionarySet;
    return this;
  }

  /** Forgets the dictionaries read so far, when the memory is used anew. */
  forget(): void {
    this.#dictionaries.clear();
  }

  /** Rows of field node `node`. */
  length(node: number): number {
    return this.#views.u32[this.#word + this.#template.nodesWord + 4 * node] ?? 0;
  }

  /** Null rows of field node `node`. */
  nullCount(node: number): number {
    return this.#views.u32[this.#word + this.#template.nodesWord + 4 * node + 2] ?? 0;
  }

  /** Address of buffer `index`. */
  address(index: number): number {
    const offset = this.#views.u32[this.#word + this.#template.buffersWord + 4 * index] ?? 0;
    return this.#start + this.#template.bytes.byteLength + offset;
  }

  /** Bytes of buffer `index`, without padding. */
  byteLength(index: number): number {
    return this.#views.u32[this.#word + this.#template.buffersWord + 4 * index + 2] ?? 0;
  }

  /** Buffer `index` as a typed array on the arena. */
  array<T>(index: number, arrayClass: ArrayClass<T>): T {
    return new arrayClass(
      this.#views.buffer,
      this.address(index),
      this.byteLength(index) / arrayClass.BYTES_PER_ELEMENT,
    );
  }

  /** The validity bitmap in buffer `index`; empty when no row is null. */
  validity(index: number): Uint8Array {
    const bytes = this.byteLength(index);
    return bytes === 0 ? NO_BYTES : new Uint8Array(this.#views.buffer, this.address(index), bytes);
  }

  /** The dictionary in force for this message. */
  dictionary(plan: DictionaryPlan): Vector {
    const start = 64 * (this.#views.u32[this.#dictionarySet / 4 + 2 * plan.index] ?? 0);
    const kept = this.#dictionaries.get(start);
    if (kept !== undefined) return kept;
    const reader = new MessageReader(this.#views, plan.template, this.#dictionaries).at(start, this.#dictionarySet);
    const vector = new Vector([plan.values.read(reader)]);
    if (this.#dictionaries.size >= MAX_KEPT_DICTIONARIES) this.#dictionaries.clear();
    this.#dictionaries.set(start, vector);
    return vector;
  }
}
