/**
 * The primary-key index of a memtable in TypeScript: `../key-index.ts` has the bytes, the order of events and why it is right while
 * other threads read. Unlike the kernels, a lookup takes keys from anywhere.
 */
import { BLOCK_ROWS, INDEX_WORD, KEY_KIND, NOT_FOUND, recordBytes, tableAddress, tableSlots } from "../key-index.js";
import { equalKeys, hashKey, type KeyRows } from "./keys.js";

const NO_OFFSETS = new Uint32Array(0);

/** Where a row is: the key columns of its batch, and its place among them. */
interface Place {
  readonly rows: KeyRows;
  readonly row: number;
}

export class PlainKeyIndex {
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #index: number;

  /** @param index address of the index in `buffer` */
  constructor(buffer: ArrayBufferLike, index: number) {
    this.#u8 = new Uint8Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#index = index / 4;
  }

  /** See `Kernels.keyIndexInsert`. */
  insert(position: number): number {
    const record = this.#recordAt(position);
    const first = this.#word(record);
    const rows = this.#word(record + 1);
    const blocks = this.#field(INDEX_WORD.BLOCKS) / 4;
    for (let block = Math.ceil(first / BLOCK_ROWS); block * BLOCK_ROWS < first + rows; block++) {
      this.#u32[blocks + block] = position;
    }
    const columns = this.columns(4 * record);
    const root = this.#load(this.#index + INDEX_WORD.ROOT);
    let keys = 0;
    for (let local = 0; local < rows; local++) if (this.#insertRow(columns, local, first + local, root)) keys++;
    return keys;
  }

  /** See `Kernels.keyIndexRebuild`. */
  rebuild(batches: number, root: number): void {
    const rowMask = this.#field(INDEX_WORD.ROW_MASK);
    const table = tableAddress(root) / 4;
    const mask = tableSlots(root) - 1;
    if (batches === 0) return;
    const last = this.#recordAt(batches - 1);
    const bound = this.#word(last) + this.#word(last + 1);
    for (let position = 0; position < batches; position++) {
      const record = this.#recordAt(position);
      const first = this.#word(record);
      const rows = this.#word(record + 1);
      const columns = this.columns(4 * record);
      for (let local = 0; local < rows; local++) {
        const row = first + local;
        if (!this.isNewest(row, bound)) continue; // a writer that has ended may have left links to rows behind
        const hash = hashKey(columns, local);
        let at = hash & mask;
        while (this.#word(table + at) !== 0) at = (at + 1) & mask;
        this.#u32[table + at] = ((hash & ~rowMask) | (row + 1)) >>> 0;
      }
    }
  }

  /** The newest row below `rows` with the key of row `local` of `columns`, else NOT_FOUND. */
  find(columns: KeyRows, local: number, rows: number): number {
    const root = this.#load(this.#index + INDEX_WORD.ROOT);
    return root === 0 ? NOT_FOUND : this.#lookUp(columns, local, hashKey(columns, local), rows, root);
  }

  /** Whether `row` is the newest of its key among the first `rows` rows, of which it is one. */
  isNewest(row: number, rows: number): boolean {
    const newer = this.#load(this.#field(INDEX_WORD.NEWER) / 4 + row);
    return newer === 0 || newer > rows;
  }

  /** The key columns of the record at an address. */
  columns(record: number): KeyRows {
    const kinds = this.#field(INDEX_WORD.KINDS);
    return Array.from({ length: this.#field(INDEX_WORD.COLUMNS) }, (_, i) => {
      const kind = (kinds >>> (2 * i)) & 3;
      const word = record / 4 + 2 + 2 * i;
      const fixed = kind === KEY_KIND.WORD || kind === KEY_KIND.LONG;
      const offsets = fixed ? NO_OFFSETS : this.#u32;
      return { kind, bytes: this.#u8, at: this.#word(word), offsets, offsetsAt: this.#word(word + 1) / 4 };
    });
  }

  #insertRow(columns: KeyRows, local: number, row: number, root: number): boolean {
    const rowMask = this.#field(INDEX_WORD.ROW_MASK);
    const hash = hashKey(columns, local);
    const slot = this.#slotOf(columns, local, hash, root);
    const found = this.#load(slot);
    const before = (found & rowMask) - 1;
    if (found === 0 || before < row) {
      if (found !== 0) {
        this.#store(this.#field(INDEX_WORD.OLDER) / 4 + row, before + 1);
        this.#store(this.#field(INDEX_WORD.NEWER) / 4 + before, row + 1);
      }
      this.#store(slot, ((hash & ~rowMask) | (row + 1)) >>> 0);
    }
    return found === 0;
  }

  #lookUp(columns: KeyRows, local: number, hash: number, rows: number, root: number): number {
    const older = this.#field(INDEX_WORD.OLDER) / 4;
    const found = this.#load(this.#slotOf(columns, local, hash, root));
    let next = found & this.#field(INDEX_WORD.ROW_MASK);
    while (next > rows) next = this.#load(older + next - 1);
    return next === 0 ? NOT_FOUND : next - 1;
  }

  /** Word of the slot that holds the key, or of the empty one where it belongs. */
  #slotOf(columns: KeyRows, local: number, hash: number, root: number): number {
    const rowMask = this.#field(INDEX_WORD.ROW_MASK);
    const table = tableAddress(root) / 4;
    const mask = tableSlots(root) - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const found = this.#load(table + at);
      if (found === 0) return table + at;
      if (((found ^ hash) & ~rowMask) !== 0) continue;
      const { rows, row } = this.#placeOf((found & rowMask) - 1);
      if (equalKeys(columns, local, rows, row)) return table + at;
    }
  }

  #placeOf(row: number): Place {
    const bytes = recordBytes(this.#field(INDEX_WORD.COLUMNS));
    const block = this.#word(this.#field(INDEX_WORD.BLOCKS) / 4 + Math.floor(row / BLOCK_ROWS));
    let record = this.#recordAt(block);
    while (row - this.#word(record) >= this.#word(record + 1)) record += bytes / 4;
    return { rows: this.columns(4 * record), row: row - this.#word(record) };
  }

  /** Word of the record of a batch. */
  #recordAt(position: number): number {
    return (this.#field(INDEX_WORD.DIRECTORY) + position * recordBytes(this.#field(INDEX_WORD.COLUMNS))) / 4;
  }

  /** A word of the header that never changes. */
  #field(word: number): number {
    return this.#word(this.#index + word);
  }

  #word(word: number): number {
    return this.#u32[word] ?? 0;
  }

  #load(word: number): number {
    return Atomics.load(this.#u32, word);
  }

  #store(word: number, value: number): void {
    Atomics.store(this.#u32, word, value);
  }
}
