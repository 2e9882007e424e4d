/**
 * Reader of dictionary-encoded columns.
 *
 * Strings, numbers and other values that cannot be changed are decoded once for each dictionary; objects are made anew for each row.
 *
 * @module
 */
import type { DataLike, VectorLike } from "../../shape.js";
import type { ElementReader } from "./numbers.js";
import { ValueReader } from "./value-reader.js";

interface Chunk {
  readonly values: ValueReader;
  readonly end: number;
}

export class DictionaryReader extends ValueReader {
  readonly #indices: ElementReader;
  readonly #makeValues: () => ValueReader;
  #pieces: readonly DataLike[] = [];
  #chunks: readonly Chunk[] = [];
  #decoded = new Map<number, unknown>();

  /** @param makeValues makes a reader of the dictionary's values */
  constructor(indices: ElementReader, makeValues: () => ValueReader) {
    super();
    this.#indices = indices;
    this.#makeValues = makeValues;
  }

  protected override attachValues(data: DataLike): void {
    this.#indices.attach(data);
    const dictionary: VectorLike | null | undefined = data.dictionary;
    const pieces = dictionary?.data ?? [];
    if (pieces.length === this.#pieces.length && pieces.every((piece, i) => piece === this.#pieces[i])) return;
    let end = 0;
    this.#pieces = pieces;
    this.#chunks = pieces.map((piece) => {
      const values = this.#makeValues();
      values.attach(piece);
      end += piece.length;
      return { values, end };
    });
    this.#decoded = new Map();
  }

  protected override value(row: number): unknown {
    const index = Number(this.#indices.get(row));
    const decoded = this.#decoded.get(index);
    if (decoded !== undefined) return decoded;
    const value = this.#decode(index);
    if (typeof value !== "object") this.#decoded.set(index, value);
    return value;
  }

  #decode(index: number): unknown {
    let start = 0;
    for (const { values, end } of this.#chunks) {
      if (index < end) return values.get(index - start);
      start = end;
    }
    return null;
  }
}
