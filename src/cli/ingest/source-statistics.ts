/**
 * The writer's side: statistics of batches as they were read from a file, by the plain twins of the kernels. Nothing here looks
 * at a store, so what the readers find in it is held against the source's own bytes; docs/ingest.md says which code both sides share.
 *
 * Rows are [start, start + rows) of `data`; for the conventions of `DataLike` see `shape.ts`.
 *
 * @module
 */
import type { DataLike, RecordBatchLike } from "../../arrow/shape.js";
import { UsageError } from "../../errors.js";
import { countBits } from "../../kernels/plain/bits.js";
import { checksumBits, checksumFixed, checksumVar } from "../../kernels/plain/checksum.js";
import { statisticsOf } from "../../kernels/plain/statistics.js";
import { emptyStatistics, type NumberKind } from "../../kernels/statistics.js";
import { boolStatistics } from "./bool-statistics.js";
import { ColumnTally } from "./column-tally.js";
import { decimalStatistics } from "./decimal-statistics.js";
import { type Indices, tallyDictionary, validityOf } from "./dictionary-statistics.js";
import { denseUnionRows } from "./union-rows.js";
import { lengthStatistics, valueLengths } from "./value-lengths.js";

const NO_BYTES = new Uint8Array(0);

/** Adds all rows of a batch: column i to tally i. */
export function tallyBatch(tallies: readonly ColumnTally[], batch: RecordBatchLike): void {
  tallies.forEach((tally, i) => {
    tallySource(tally, needed(tally, batch.data.children[i]), 0, batch.numRows);
  });
}

/** Adds rows of one column, and of its children. */
function tallySource(tally: ColumnTally, data: DataLike, start: number, rows: number): void {
  if (rows === 0) return;
  const { kind } = tally;
  const validity = validityOf(data);
  const bit = data.offset + start;
  const nulls = validity === undefined ? 0 : rows - countBits(validity, bit, rows);
  // Arrow leaves it open whether a column that is all null has values at all.
  const absent = nulls === rows;
  const child = (index: number): DataLike => needed(tally, data.children?.[index]);
  const valuesOf = (width: number): Uint8Array =>
    bytesFrom(tally, data.values, start * width, absent ? rows * width : 0);
  const first = tally.nextRow;
  switch (kind.is) {
    case "null":
      tally.addRows(rows, rows, checksumFixed(NO_BYTES, 0, new Uint8Array(Math.ceil(rows / 8)), 0, rows, first));
      return;
    case "bool": {
      const bits = bytesFrom(tally, data.values, 0, absent ? Math.ceil((bit + rows) / 8) : 0);
      tally.addRows(rows, nulls, checksumBits(bits, bit, validity, bit, rows, first));
      tally.addValues(boolStatistics(bits, bit, validity, bit, rows));
      return;
    }
    case "number": {
      const values = valuesOf(kind.width);
      tallyNumbers(tally, kind.number, values, validity, bit, rows, nulls);
      return;
    }
    case "decimal": {
      const values = valuesOf(kind.width);
      const words = new Uint32Array(values.buffer, values.byteOffset, Math.floor(values.length / 4));
      tally.addRows(rows, nulls, checksumFixed(values, kind.width, validity, bit, rows, first));
      tally.addValues(decimalStatistics(words, kind.width / 4, validity, bit, rows));
      return;
    }
    case "bytes": {
      const values = valuesOf(kind.width);
      tally.addRows(rows, nulls, checksumFixed(values, kind.width, validity, bit, rows, first));
      return;
    }
    case "text": {
      const offsets = offsetsFrom(tally, data, start, absent ? rows : 0);
      const bytes = bytesFrom(tally, data.values, 0, absent ? 1 : 0);
      tally.addRows(rows, nulls, checksumVar(offsets, bytes, validity, bit, rows, first));
      tally.addValues(lengthStatistics(valueLengths(offsets, 0, rows), validity, bit));
      return;
    }
    case "list": {
      const offsets = offsetsFrom(tally, data, start, absent ? rows : 0);
      const lengths = new Uint8Array(valueLengths(offsets, 0, rows).buffer);
      tally.addRows(rows, nulls, checksumFixed(lengths, 4, validity, bit, rows, first));
      const from = Number(offsets[0] ?? 0);
      tallyChild(tally, 0, child(0), from, Number(offsets[rows] ?? 0) - from);
      return;
    }
    case "fixedSizeList":
      tally.addRows(rows, nulls, checksumFixed(NO_BYTES, 0, validity, bit, rows, first));
      tallyChild(tally, 0, child(0), start * kind.size, rows * kind.size);
      return;
    case "struct":
      tally.addRows(rows, nulls, checksumFixed(NO_BYTES, 0, validity, bit, rows, first));
      tally.children.forEach((_, i) => {
        tallyChild(tally, i, child(i), start, rows);
      });
      return;
    case "sparseUnion": {
      const ids = bytesFrom(tally, data.typeIds, start, 0);
      tally.addRows(rows, 0, checksumFixed(ids, 1, undefined, 0, rows, first));
      tally.children.forEach((_, i) => {
        tallyChild(tally, i, child(i), start, rows);
      });
      return;
    }
    case "denseUnion": {
      const ids = bytesFrom(tally, data.typeIds, 0, 0);
      const typeIds = new Int8Array(ids.buffer, ids.byteOffset, ids.length);
      const { words, used } = denseUnionRows(tally.type, typeIds, int32s(tally, data.valueOffsets), start, rows);
      tally.addRows(rows, 0, checksumFixed(new Uint8Array(words.buffer), 8, undefined, 0, rows, first));
      used.forEach((part, i) => {
        tallyChild(tally, i, child(i), part.first, part.rows);
      });
      return;
    }
    case "dictionary": {
      const { values, dictionary } = data;
      if (absent) {
        const none = { type: dictionary?.type ?? tally.type.dictionary ?? tally.type, data: [] };
        tallyDictionary(tally, [], validity, bit, rows, none, hashRow);
        return;
      }
      if (!isIndices(values) || !dictionary) malformed(tally, "its indices or its dictionary");
      tallyDictionary(tally, values.subarray(start), validity, bit, rows, dictionary, hashRow);
    }
  }
}

/** Hash of the value in one row of any type. */
export function hashRow(data: DataLike, row: number): number {
  const tally = new ColumnTally({ name: "", type: data.type, nullable: true });
  tallySource(tally, data, row, 1);
  return tally.result().checksum;
}

/** Adds numbers that lie in an array of any kind. */
function tallyNumbers(
  tally: ColumnTally,
  kind: NumberKind,
  values: ArrayBufferView,
  validity: Uint8Array | undefined,
  bitOffset: number,
  rows: number,
  nulls: number,
): void {
  const statistics = emptyStatistics();
  statisticsOf(kind, values, validity, bitOffset, rows, tally.nextRow, statistics);
  tally.addRows(rows, nulls, statistics.checksum);
  tally.addValues(statistics);
}

function tallyChild(tally: ColumnTally, index: number, data: DataLike, start: number, rows: number): void {
  const child = tally.children[index];
  if (child !== undefined) tallySource(child, data, start, rows);
}

/** Bytes of `view` from byte `from`; when there are none, as many zeros as are allowed instead. */
function bytesFrom(tally: ColumnTally, view: ArrayBufferView | undefined, from: number, zeros: number): Uint8Array {
  if (zeros > 0 && (view?.byteLength ?? 0) < from + zeros) return new Uint8Array(zeros);
  if (view === undefined) malformed(tally, "a buffer");
  const start = Math.min(from, view.byteLength);
  return new Uint8Array(view.buffer, view.byteOffset + start, view.byteLength - start);
}

/** Offsets from row `start` on; when there are none, zeros for as many rows as are allowed instead. */
function offsetsFrom(tally: ColumnTally, data: DataLike, start: number, zeroRows: number): Int32Array | BigInt64Array {
  const offsets = data.valueOffsets;
  if (offsets instanceof BigInt64Array && offsets.length > start + zeroRows) return offsets.subarray(start);
  if (offsets instanceof Int32Array && offsets.length > start + zeroRows) return offsets.subarray(start);
  return zeroRows > 0 ? new Int32Array(zeroRows + 1) : int32s(tally, undefined);
}

function int32s(tally: ColumnTally, view: ArrayBufferView | undefined): Int32Array {
  return view instanceof Int32Array ? view : malformed(tally, "its 32-bit offsets");
}

function isIndices(view: ArrayBufferView | undefined): view is ArrayBufferView & Indices & Sliced {
  return view !== undefined && "length" in view && "subarray" in view;
}

interface Sliced {
  subarray(begin: number): Indices;
}

function needed(tally: ColumnTally, data: DataLike | undefined): DataLike {
  return data ?? malformed(tally, "its data");
}

function malformed(tally: ColumnTally, what: string): never {
  throw new UsageError(`column ${JSON.stringify(tally.name)} is malformed: ${what} is missing`);
}
