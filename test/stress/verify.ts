/**
 * Holds a reader's store against the content that its writer must have appended. Everything throws at the first difference.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { RecordBatchReader } from "apache-arrow";
import type { BatchStore } from "../../src/store/batch-store.js";
import type { StoreHandle } from "../../src/store/handle.js";
import type { RawColumn } from "../../src/store/raw-column.js";
import type { StoredBatch } from "../../src/store/stored-batch.js";
import { rowsOf } from "../plain-model.js";
import type { Content } from "./content.js";
import {
  type ExpectedColumn,
  expectedColumn,
  type PaddedBytes,
  type Parts,
  paddedBytes,
  payloadBytes,
} from "./parts.js";
import { mix } from "./run.js";

/** One batch in so many is read through Arrow objects too. */
const ARROW_SAMPLE = 16;
/** One batch in so many begins a run that is decoded from its IPC bytes. */
const IPC_SAMPLE = 64;
const IPC_RUN = 5;

/** The memory that a handle stands for. */
export function sharedBuffer({ memory }: StoreHandle): SharedArrayBuffer {
  const buffer: unknown = memory instanceof SharedArrayBuffer ? memory : memory.buffer;
  if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError("the memory of the handle is not shared");
  return buffer;
}

export class Verifier {
  readonly #store: BatchStore;
  readonly #content: Content;
  readonly #arena: Buffer;
  readonly #columns: readonly RawColumn[];
  #headerBytes: number | undefined;
  readonly #dictionaries = new Map<Parts, ExpectedColumn>();

  /** @param arena memory of the store */
  constructor(store: BatchStore, content: Content, arena: SharedArrayBuffer) {
    this.#store = store;
    this.#content = content;
    this.#arena = Buffer.from(arena);
    this.#columns = content.schema.fields.map((_, index) => store.column(index));
  }

  /** The length, which must be one that lies between two groups. */
  length(): number {
    const { length } = this.#store;
    if (!this.#content.isBoundary(length)) fail(length, `part of a group is visible: the length is ${length}`);
    return length;
  }

  /** Length and rows of one moment. */
  snapshot(): void {
    const { length, rows } = this.#store.snapshot();
    if (!this.#content.isBoundary(length))
      fail(length, `part of a group is visible: the snapshot's length is ${length}`);
    equal(length, "rows of the snapshot", rows, this.#content.rowsBefore(length));
  }

  /** Every byte of a batch through the raw path; of a sample, also the Arrow view and the IPC bytes. */
  batch(batch: StoredBatch): void {
    const content = this.#content;
    const { position } = batch;
    this.slot(batch);
    const expected = content.expected(position);
    let payload = 0;
    let padded = 0;
    for (const [index, column] of this.#columns.entries()) {
      const want = expected[index];
      if (want === undefined) fail(position, `there is no column ${index}`);
      this.#column(position, column, want);
      payload += payloadBytes(want);
      padded += paddedBytes(want);
    }
    equal(position, "bytes", batch.bytes, payload);
    this.#headerBytes ??= batch.arenaBytes - padded;
    equal(position, "bytes of the header", batch.arenaBytes - padded, this.#headerBytes);
    const dice = mix(position, batch.rowOffset);
    if (dice % ARROW_SAMPLE === 0) this.view(batch);
    if (dice % IPC_SAMPLE === 0) this.ipc(position, Math.min(position + IPC_RUN, this.#store.length));
  }

  /** What the slot says. */
  slot({ position, rows, rowOffset }: StoredBatch): void {
    equal(position, "rows", rows, this.#content.rows(position));
    equal(position, "row offset", rowOffset, this.#content.rowsBefore(position));
  }

  /** The batch as apache-arrow sees it. */
  view({ position, recordBatch }: StoredBatch): void {
    const found = rowsOf(recordBatch);
    if (!isDeepStrictEqual(found, rowsOf(this.#content.batch(position)))) fail(position, "the Arrow view differs");
  }

  /** The IPC bytes of [from, to), decoded. */
  ipc(from: number, to: number): void {
    if (from >= to) return; // apache-arrow makes one batch of none
    const bytes = Buffer.concat(this.#store.ipcParts(from, to));
    let position = from;
    for (const batch of RecordBatchReader.from(bytes)) {
      if (!isDeepStrictEqual(rowsOf(batch), rowsOf(this.#content.batch(position)))) {
        fail(position, `the batch decoded from the IPC bytes of [${from}, ${to}) differs`);
      }
      position++;
    }
    equal(from, `batches in the IPC bytes of [${from}, ${to})`, position - from, to - from);
  }

  #column(position: number, column: RawColumn, want: ExpectedColumn): void {
    const { path } = column;
    equal(position, `rows of ${path}`, column.rows(position), want.rows);
    equal(position, `nulls of ${path}`, column.nullCount(position), want.nulls);
    this.#buffer(position, `validity of ${path}`, column.validity(position), want.validity);
    this.#buffer(position, `offsets of ${path}`, column.offsets(position), want.offsets);
    this.#buffer(position, `values of ${path}`, column.values(position), want.values);
    if (want.dictionary !== undefined) this.#dictionary(position, column, want.dictionary);
    for (const [index, child] of column.children.entries()) {
      const wantChild = want.children[index];
      if (wantChild !== undefined) this.#column(position, child, wantChild);
    }
  }

  #dictionary(position: number, column: RawColumn, words: Parts): void {
    let want = this.#dictionaries.get(words);
    if (want === undefined) {
      this.#dictionaries.clear(); // only the one in force is asked for again
      want = expectedColumn(words, 0, words.rows);
      this.#dictionaries.set(words, want);
    }
    const data = column.dictionary(position)?.data[0];
    equal(position, `words of ${column.path}`, data?.length, words.rows);
    this.#buffer(position, `offsets of the words of ${column.path}`, data?.valueOffsets, want.offsets);
    this.#buffer(position, `bytes of the words of ${column.path}`, data?.values, want.values);
  }

  #buffer(position: number, name: string, found: ArrayBufferView | undefined, want: PaddedBytes | undefined): void {
    if (found === undefined || want === undefined) {
      if (found !== undefined || want !== undefined) fail(position, `${name}: ${found ? "there" : "missing"}`);
      return;
    }
    const { byteOffset, byteLength } = found;
    equal(position, `bytes of the ${name}`, byteLength, want.length);
    if (found.buffer !== this.#arena.buffer) fail(position, `${name}: a copy, not the arena`);
    const size = want.bytes.byteLength;
    const arena = this.#arena;
    if (arena.compare(want.bytes, 0, size, byteOffset, byteOffset + size) === 0) return;
    const at = want.bytes.findIndex((byte, i) => arena[byteOffset + i] !== byte);
    const what =
      at < 0 ? "changed while it was read" : `byte ${at} is ${arena[byteOffset + at]}, expected ${want.bytes[at]}`;
    fail(position, `${name}: ${what}${at >= want.length ? " (padding)" : ""}`);
  }
}

function equal(position: number, name: string, found: number | undefined, want: number): void {
  if (found !== want) fail(position, `${name}: ${found}, expected ${want}`);
}

function fail(position: number, what: string): never {
  throw new Error(`batch ${position}: ${what}`);
}
