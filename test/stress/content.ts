/**
 * What a store is filled with in one round (one use of its memory): everything follows from the run's seed, the round and the position,
 * so that every thread knows every byte without being told.
 *
 * @module
 */
import {
  Bool,
  type Data,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  type RecordBatch,
  Schema,
  Struct,
  Utf8,
  type Vector,
} from "apache-arrow";
import { recordBatch } from "../../src/arrow/record-batch.js";
import type { RecordBatchLike } from "../../src/arrow/shape.js";
import { Random } from "../arrow-random-data.js";
import { dataOf, type ExpectedColumn, expectedColumn, type Parts, randomParts, vectorOf } from "./parts.js";
import { mix } from "./run.js";

/** Two columns share its dictionary. */
const WORD = new Dictionary(new Utf8(), new Int8(), 7);

/** The schemas that rounds take in turn. */
export const SCHEMAS: readonly Schema[] = [
  new Schema([
    new Field("i", new Int32(), true),
    new Field("l", new Int64(), false),
    new Field("f", new Float64(), true),
    new Field("s", new Utf8(), true),
    new Field("b", new Bool(), true),
  ]),
  new Schema([
    new Field("list", new List(new Field("item", new Int32(), true)), true),
    new Field("struct", new Struct([new Field("x", new Float32(), true), new Field("s", new Utf8(), false)]), true),
    new Field("fixed", new FixedSizeList(3, new Field("item", new Int16(), true)), true),
  ]),
  new Schema([
    new Field("word", WORD, true),
    new Field("i", new Int32(), false),
    new Field("words", new List(new Field("item", WORD, true)), false),
  ]),
];

/** Batches that are appended atomically, at most. */
const MOST_IN_GROUP = 32;
/** Batches for which a dictionary stays in force. */
const DICTIONARY_RUN = 40;
const MOST_WORDS = 12;
const UTF8 = new Utf8();

/** Purposes of random numbers, so that two never share a stream. */
const PURPOSE = { ROWS: 1, GROUPS: 2, DATA: 3, WORDS: 4, SCALE: 5, LEAD: 6 } as const;

export class Content {
  readonly schema: Schema;
  readonly #seed: number;
  readonly #rowType: Struct;
  readonly #mostRows: number;
  readonly #rowsBefore: number[] = [0];
  #words: { readonly version: number; readonly parts: Parts; readonly vector: Vector } | undefined;

  /** @param mostRows rows of a batch at most; the round itself has the smaller of that and a bound of its own */
  constructor(seed: number, round: number, mostRows: number) {
    const schema = SCHEMAS[round % SCHEMAS.length];
    if (schema === undefined) throw new RangeError(`round ${round} has no schema`);
    this.schema = schema;
    this.#rowType = new Struct(schema.fields);
    this.#seed = mix(seed, round);
    // Rounds of small batches and rounds of large ones follow each other in the same memory: where slots were there are rows, and back.
    this.#mostRows = Math.max(1, mostRows >> (mix(this.#seed, PURPOSE.SCALE) % 4));
  }

  /** Rows of the batch at `position`; now and then none. */
  rows(position: number): number {
    return mix(this.#seed, PURPOSE.ROWS, position) % (this.#mostRows + 1);
  }

  /** Rows of all batches before `position`. */
  rowsBefore(position: number): number {
    const known = this.#rowsBefore;
    for (let at = known.length; at <= position; at++) known.push((known[at - 1] ?? 0) + this.rows(at - 1));
    return known[position] ?? 0;
  }

  /** True where a group of batches begins, and so the group before it ends: the only lengths a reader may ever see. */
  isBoundary(position: number): boolean {
    return position % MOST_IN_GROUP === 0 || mix(this.#seed, PURPOSE.GROUPS, position) % 6 === 0;
  }

  /** End of the group that begins at `position`. */
  groupEnd(position: number): number {
    let end = position + 1;
    while (!this.isBoundary(end)) end++;
    return end;
  }

  /** The batch at `position`, as the writer appends it: columns that are slices and start anywhere. */
  batch(position: number): RecordBatch {
    const rows = this.rows(position);
    const lead = this.#lead(position);
    const { vector } = this.#wordsAt(position);
    const columns = this.#columns(position).map((parts) => dataOf(parts, vector).slice(lead, rows));
    return recordBatch(this.schema, this.#rowType, rows, columns);
  }

  /** A batch that is refused at its last column, when all others are laid out. */
  spoilt(position: number): RecordBatchLike {
    const { schema, numRows, data } = this.batch(position);
    const last = data.children.at(-1);
    const children: Data[] = data.children.slice(0, -1);
    if (last !== undefined) children.push(last.slice(0, Math.max(0, numRows - 1)));
    return { schema, numRows: Math.max(1, numRows), data: { children, length: numRows } };
  }

  /** What the batch at `position` must look like in the arena. */
  expected(position: number): ExpectedColumn[] {
    const rows = this.rows(position);
    const lead = this.#lead(position);
    return this.#columns(position).map((parts) => expectedColumn(parts, lead, rows));
  }

  #lead(position: number): number {
    return mix(this.#seed, PURPOSE.LEAD, position) % 12;
  }

  #columns(position: number): Parts[] {
    const random = new Random(mix(this.#seed, PURPOSE.DATA, position));
    const rows = this.#lead(position) + this.rows(position) + random.below(3);
    const { parts } = this.#wordsAt(position);
    return this.schema.fields.map((field) => randomParts(field.type, field.nullable, rows, random, parts));
  }

  #wordsAt(position: number): { readonly parts: Parts; readonly vector: Vector } {
    // Two runs of three have the same words in other memory.
    const run = Math.floor(position / DICTIONARY_RUN);
    const version = run - (run % 3 === 2 ? 1 : 0);
    if (this.#words?.version === run) return this.#words;
    const random = new Random(mix(this.#seed, PURPOSE.WORDS, version));
    const words = 1 + random.below(MOST_WORDS);
    const none: Parts = {
      type: UTF8,
      rows: 0,
      validity: undefined,
      values: undefined,
      offsets: undefined,
      children: [],
      dictionary: undefined,
    };
    const parts = randomParts(UTF8, false, words, random, none);
    this.#words = { version: run, parts, vector: vectorOf(parts) };
    return this.#words;
  }
}
