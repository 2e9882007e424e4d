/**
 * Reads the key columns of batches in place: hashes of keys, and whether two are equal.
 *
 * @module
 */
import { type Data, DataType, type Schema } from "apache-arrow";
import { UsageError } from "../errors.js";

/** Buffers of one key column of a batch; keys are never null. */
export interface KeyBuffers {
  readonly values: ArrayBufferView;
  readonly offsets?: Int32Array | BigInt64Array | undefined;
}

/** How a key column is read: as 32-bit words, one or two a row, or as bytes between offsets. */
type KeyKind = "word" | "double word" | "bytes";

/** Murmur3's last step: every bit of a word decides over every bit of the hash. */
function mixed(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The key columns of one batch after the other. */
export class KeyCursor {
  readonly #kinds: readonly KeyKind[];
  readonly #words: Int32Array[] = [];
  readonly #bytes: Uint8Array[] = [];
  readonly #offsets: (Int32Array | BigInt64Array)[] = [];

  /** @param types of the key columns, in the order of the key */
  constructor(types: readonly DataType[]) {
    this.#kinds = types.map(kindOf);
  }

  /** Moves to a batch. */
  attach(columns: readonly KeyBuffers[]): void {
    for (const [i, { values, offsets }] of columns.entries()) {
      const { buffer, byteOffset, byteLength } = values;
      if (this.#kinds[i] === "bytes") {
        this.#bytes[i] = new Uint8Array(buffer, byteOffset, byteLength);
        this.#offsets[i] = offsets ?? NO_OFFSETS;
      } else {
        this.#words[i] = new Int32Array(buffer, byteOffset, byteLength >>> 2);
      }
    }
  }

  /** The hash of a row's key: 32 bits, unsigned. */
  hash(row: number): number {
    let h = 0;
    for (let i = 0; i < this.#kinds.length; i++) {
      const kind = this.#kinds[i];
      if (kind === "bytes") {
        h = this.#hashBytes(i, row, h);
      } else if (kind === "word") {
        h = mixed(h ^ (this.#words[i]?.[row] ?? 0));
      } else {
        const words = this.#words[i] ?? NO_WORDS;
        h = mixed(mixed(h ^ (words[2 * row] ?? 0)) ^ (words[2 * row + 1] ?? 0));
      }
    }
    return h >>> 0;
  }

  /** Whether a row here and one of the batch that another cursor is at have the same key. */
  equals(row: number, other: KeyCursor, otherRow: number): boolean {
    for (let i = 0; i < this.#kinds.length; i++) {
      const kind = this.#kinds[i];
      if (kind === "bytes") {
        if (!this.#equalBytes(i, row, other, otherRow)) return false;
        continue;
      }
      const mine = this.#words[i] ?? NO_WORDS;
      const theirs = other.#words[i] ?? NO_WORDS;
      if (kind === "word") {
        if (mine[row] !== theirs[otherRow]) return false;
      } else if (mine[2 * row] !== theirs[2 * otherRow] || mine[2 * row + 1] !== theirs[2 * otherRow + 1]) {
        return false;
      }
    }
    return true;
  }

  #hashBytes(column: number, row: number, seed: number): number {
    const bytes = this.#bytes[column] ?? NO_BYTES;
    const offsets = this.#offsets[column] ?? NO_OFFSETS;
    const start = Number(offsets[row] ?? 0);
    const end = Number(offsets[row + 1] ?? 0);
    let h = mixed(seed ^ (end - start));
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word =
        (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
      h = mixed(h ^ word);
    }
    let rest = 0;
    for (; at < end; at++) rest = (rest << 8) | (bytes[at] ?? 0);
    return mixed(h ^ rest);
  }

  #equalBytes(column: number, row: number, other: KeyCursor, otherRow: number): boolean {
    const mine = this.#bytes[column] ?? NO_BYTES;
    const theirs = other.#bytes[column] ?? NO_BYTES;
    const offsets = this.#offsets[column] ?? NO_OFFSETS;
    const otherOffsets = other.#offsets[column] ?? NO_OFFSETS;
    const start = Number(offsets[row] ?? 0);
    const length = Number(offsets[row + 1] ?? 0) - start;
    const otherStart = Number(otherOffsets[otherRow] ?? 0);
    if (Number(otherOffsets[otherRow + 1] ?? 0) - otherStart !== length) return false;
    for (let i = 0; i < length; i++) if (mine[start + i] !== theirs[otherStart + i]) return false;
    return true;
  }
}

const NO_WORDS = new Int32Array(0);
const NO_BYTES = new Uint8Array(0);
const NO_OFFSETS = new Int32Array(1);

/** The types of the key columns, in the order of the key. */
export function keyTypes(schema: Schema, primaryKey: readonly string[]): DataType[] {
  return primaryKey.map((name) => {
    const field = schema.fields.find((field) => field.name === name);
    if (field === undefined) throw new UsageError(`the key column ${JSON.stringify(name)} is not in the schema`);
    return field.type;
  });
}

/** Buffers of columns that are Arrow data, with row 0 first. */
export function buffersOf(columns: readonly Data[]): KeyBuffers[] {
  return columns.map(
    ({ values, valueOffsets }: { values: ArrayBufferView; valueOffsets?: Int32Array | BigInt64Array }) => ({
      values,
      offsets: valueOffsets,
    }),
  );
}

function kindOf(type: DataType): KeyKind {
  if (DataType.isInt(type)) return type.bitWidth === 64 ? "double word" : "word";
  return "bytes";
}
