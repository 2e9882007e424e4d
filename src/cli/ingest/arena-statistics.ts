/**
 * The readers' side: statistics of batches where they lie in a store's arena, by the kernels, without a copy of the data.
 *
 * @module
 */
import { checksumFixed } from "../../kernels/plain/checksum.js";
import type { BatchStore } from "../../store/batch-store.js";
import type { RawColumn } from "../../store/raw-column.js";
import { boolStatistics, boolSummary } from "./bool-statistics.js";
import type { ColumnTally } from "./column-tally.js";
import { decimalStatistics } from "./decimal-statistics.js";
import { tallyDictionary } from "./dictionary-statistics.js";
import { hashRow } from "./source-statistics.js";
import { denseUnionRows } from "./union-rows.js";
import { lengthStatistics, valueLengths } from "./value-lengths.js";

const NO_BYTES = new Uint8Array(0);
const NO_TYPE_IDS = new Int8Array(0);

/** Tallies the batches of one store, position by position. */
export class ArenaTallier {
  readonly #store: BatchStore;
  readonly #tallies: readonly ColumnTally[];
  readonly #columns: readonly RawColumn[];

  /** @param tallies one for each field of the store's schema */
  constructor(store: BatchStore, tallies: readonly ColumnTally[]) {
    this.#store = store;
    this.#tallies = tallies;
    this.#columns = tallies.map((_, i) => store.column(i));
  }

  /** Adds all rows of the batch at `position`, which must be committed. */
  add(position: number): void {
    this.#tallies.forEach((tally, i) => {
      const column = this.#columns[i];
      if (column !== undefined) this.#tally(tally, column, position);
    });
  }

  #tally(tally: ColumnTally, column: RawColumn, position: number): void {
    const rows = column.rows(position);
    if (rows === 0) return;
    const { kind } = tally;
    const { kernels } = this.#store;
    const nulls = column.nullCount(position);
    const values = column.valuesAddress(position) ?? 0;
    const validity = column.validityAddress(position) ?? 0;
    const first = tally.nextRow;
    switch (kind.is) {
      case "null":
        tally.addRows(rows, rows, checksumFixed(NO_BYTES, 0, new Uint8Array(Math.ceil(rows / 8)), 0, rows, first));
        break;
      case "bool":
        tally.addRows(rows, nulls, kernels.checksumBits(values, validity, rows, first));
        tally.addValues(
          nulls === 0
            ? boolSummary(rows, kernels.countBits(values, rows))
            : boolStatistics(bytesOf(column, position), 0, column.validity(position), 0, rows),
        );
        break;
      case "number": {
        const statistics = this.#store.statistics(kind.number, column, position, first);
        tally.addRows(rows, rows - statistics.valid, statistics.checksum);
        tally.addValues(statistics);
        break;
      }
      case "decimal": {
        const bytes = bytesOf(column, position);
        const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
        tally.addRows(rows, nulls, kernels.checksumFixed(values, kind.width, validity, rows, first));
        tally.addValues(decimalStatistics(words, kind.width / 4, column.validity(position), 0, rows));
        break;
      }
      case "bytes":
        tally.addRows(rows, nulls, kernels.checksumFixed(values, kind.width, validity, rows, first));
        break;
      case "text": {
        const offsets = column.offsetsAddress(position) ?? 0;
        const checksum = kind.wide
          ? kernels.checksumVar64(offsets, values, validity, rows, first)
          : kernels.checksumVar32(offsets, values, validity, rows, first);
        tally.addRows(rows, nulls, checksum);
        tally.addValues(lengthStatistics(lengthsOf(column, position), column.validity(position), 0));
        break;
      }
      case "list": {
        const lengths = new Uint8Array(lengthsOf(column, position).buffer);
        tally.addRows(rows, nulls, checksumFixed(lengths, 4, column.validity(position), 0, rows, first));
        break;
      }
      case "fixedSizeList":
      case "struct":
        tally.addRows(rows, nulls, kernels.checksumFixed(0, 0, validity, rows, first));
        break;
      case "sparseUnion": {
        const ids = column.typeIds(position) ?? NO_TYPE_IDS;
        tally.addRows(rows, 0, kernels.checksumFixed(ids.byteOffset, 1, 0, rows, first));
        break;
      }
      case "denseUnion": {
        const ids = column.typeIds(position) ?? NO_TYPE_IDS;
        const offsets = column.offsets(position);
        if (!(offsets instanceof Int32Array)) break;
        const { words } = denseUnionRows(tally.type, ids, offsets, 0, rows);
        tally.addRows(rows, 0, checksumFixed(new Uint8Array(words.buffer), 8, undefined, 0, rows, first));
        break;
      }
      case "dictionary": {
        const indices = column.values(position);
        const dictionary = column.dictionary(position);
        if (indices === undefined || dictionary === undefined) break;
        tallyDictionary(tally, indices, column.validity(position), 0, rows, dictionary, hashRow);
        return;
      }
    }
    tally.children.forEach((child, i) => {
      const childColumn = column.children[i];
      if (childColumn !== undefined) this.#tally(child, childColumn, position);
    });
  }
}

function lengthsOf(column: RawColumn, position: number): Int32Array {
  const offsets = column.offsets(position);
  return offsets === undefined ? new Int32Array(0) : valueLengths(offsets, 0, column.rows(position));
}

function bytesOf(column: RawColumn, position: number): Uint8Array {
  const values = column.values(position);
  return values === undefined ? NO_BYTES : new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
