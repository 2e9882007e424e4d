/**
 * Counts the rows of an input whose key has come before: in the table each of them replaces the earlier row.
 *
 * Integers are compared as they are, texts and bytes, and keys of several columns, by their digests.
 *
 * @module
 */
import { type RecordBatch, type Schema, Type } from "apache-arrow";
import { KeySet } from "../../compact/key-set.js";
import { UsageError } from "../../errors.js";
import { digestKey } from "./key-digest.js";

/** Distinct keys that are told apart at most; 450 MB of memory are in use by then. */
const MOST_KEYS = 2 ** 25 * 0.75;
const DIGEST_WORDS = 4;

type WriteWords = (row: number, into: Int32Array, at: number) => void;

export class KeyTally {
  readonly #names: readonly string[];
  readonly #set: KeySet;
  /** Words of each column, one after the other. */
  readonly #row: Int32Array;
  readonly #digest = new Int32Array(DIGEST_WORDS);
  #duplicates = 0;

  /**
   * @param schema of the batches to come
   * @param names of the key columns, which are in the schema and of types that a key may have
   */
  constructor(schema: Schema, names: readonly string[], mostKeys = MOST_KEYS) {
    this.#names = names;
    const words = names.reduce((sum, name) => sum + wordsOf(schema, name), 0);
    this.#row = new Int32Array(words);
    this.#set = new KeySet(Math.min(words, DIGEST_WORDS), mostKeys);
  }

  /** Rows so far whose key was that of an earlier row. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** False when there were too many keys to tell all apart: there may be more duplicates than were counted. */
  get isExact(): boolean {
    return !this.#set.isFull;
  }

  /**
   * @param name of the source, and
   * @param firstRow number of the batch's first row in it, from 0: for errors
   * @throws UsageError when a row has no key
   */
  add(batch: RecordBatch, name: string, firstRow: number): void {
    const columns = this.#names.map((column) => writerOf(batch, column, name, firstRow));
    const byDigest = this.#row.length > DIGEST_WORDS;
    const bytes = new Uint8Array(this.#row.buffer);
    for (let row = 0; row < batch.numRows; row++) {
      let at = 0;
      for (const { words, write } of columns) {
        write(row, this.#row, at);
        at += words;
      }
      if (byDigest) digestKey(bytes, 0, bytes.length, this.#digest, 0);
      if (this.#set.add(byDigest ? this.#digest : this.#row, 0)) this.#duplicates++;
    }
  }
}

function wordsOf(schema: Schema, name: string): number {
  const field = schema.fields.find((field) => field.name === name);
  if (field?.typeId === Type.Int) return field.type.bitWidth === 64 ? 2 : 1;
  return DIGEST_WORDS;
}

function writerOf(
  batch: RecordBatch,
  column: string,
  name: string,
  firstRow: number,
): { readonly words: number; readonly write: WriteWords } {
  const index = batch.schema.fields.findIndex((field) => field.name === column);
  const data = batch.data.children[index];
  if (data === undefined) throw new UsageError(`${name}: there is no column ${JSON.stringify(column)}`);
  if (data.nullCount > 0) {
    for (let row = 0; row < data.length; row++) {
      if (data.getValid(row)) continue;
      throw new UsageError(
        `${name}: row ${firstRow + row + 1} has no value in the key column ${JSON.stringify(column)}; every row needs a key`,
      );
    }
  }
  const { values, valueOffsets }: { values: unknown; valueOffsets: unknown } = data;
  if (values instanceof Uint8Array && isOffsets(valueOffsets)) {
    return {
      words: DIGEST_WORDS,
      write: (row, into, at) => {
        digestKey(values, Number(valueOffsets[row]), Number(valueOffsets[row + 1]), into, at);
      },
    };
  }
  if (values instanceof Int32Array) {
    return {
      words: 1,
      write: (row, into, at) => {
        into[at] = values[row] ?? 0;
      },
    };
  }
  if (values instanceof BigInt64Array) {
    const halves = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
    return {
      words: 2,
      write: (row, into, at) => {
        into[at] = halves[2 * row] ?? 0;
        into[at + 1] = halves[2 * row + 1] ?? 0;
      },
    };
  }
  throw new UsageError(`${name}: rows cannot be told apart by the column ${JSON.stringify(column)}`);
}

function isOffsets(value: unknown): value is Int32Array | BigInt64Array {
  return value instanceof Int32Array || value instanceof BigInt64Array;
}
