/**
 * Statistics of dictionary-encoded columns: those of the values, through the indices.
 *
 * A value enters the checksum by a hash of its own, made once for each entry of a dictionary, so that nothing is decoded: rows
 * may refer to one large value any number of times. A row is null when its index or the entry it refers to is.
 *
 * @module
 */
import type { DataLike, VectorLike } from "../../arrow/shape.js";
import { isNull } from "../../kernels/plain/bits.js";
import { checksumFixed } from "../../kernels/plain/checksum.js";
import { statisticsOf } from "../../kernels/plain/statistics.js";
import { emptyStatistics } from "../../kernels/statistics.js";
import { columnKind } from "./column-kind.js";
import type { ColumnTally } from "./column-tally.js";
import { lengthStatistics, valueLengths } from "./value-lengths.js";

/** Hash of the value in one row, the same wherever it lies. */
export type HashRow = (data: DataLike, row: number) => number;

/** Indices of the rows; 64-bit ones come as BigInts. */
export type Indices = ArrayLike<number> | ArrayLike<bigint>;

/** What is known of the entries of one piece of a dictionary. */
interface PieceDigest {
  readonly hashes: Uint32Array;
  readonly nulls: Uint8Array;
  readonly lengths: Int32Array | undefined;
}

/** Digests live as long as the pieces they describe, which batches share. */
const digests = new WeakMap<DataLike, PieceDigest>();

/**
 * Adds rows of a dictionary-encoded column.
 *
 * @param indices index i is row i's
 * @param validity of the indices, undefined when none is null; row 0 at bit `bitOffset`
 */
export function tallyDictionary(
  tally: ColumnTally,
  indices: Indices,
  validity: Uint8Array | undefined,
  bitOffset: number,
  rows: number,
  dictionary: VectorLike,
  hashRow: HashRow,
): void {
  const pieces = dictionary.data.map((data) => ({ data, digest: digestOf(data, hashRow) }));
  const valid = new Uint8Array(Math.ceil(rows / 8));
  const hashes = new Uint32Array(rows);
  const lengths = new Int32Array(rows);
  const kind = columnKind(dictionary.type);
  const width = kind.is === "number" ? kind.width : 0;
  const numbers = new Uint8Array(rows * width);
  let nulls = 0;
  for (let i = 0; i < rows; i++) {
    let entry = isNull(validity, bitOffset + i) ? -1 : Number(indices[i] ?? -1);
    let piece = 0;
    while (entry >= (pieces[piece]?.data.length ?? Number.POSITIVE_INFINITY)) {
      entry -= pieces[piece]?.data.length ?? 0;
      piece++;
    }
    const found = pieces[piece];
    if (entry < 0 || found === undefined || found.digest.nulls[entry] !== 0) {
      nulls++;
      continue;
    }
    valid[i >>> 3] = (valid[i >>> 3] ?? 0) | (1 << (i & 7));
    hashes[i] = found.digest.hashes[entry] ?? 0;
    lengths[i] = found.digest.lengths?.[entry] ?? 0;
    if (width > 0) copyValue(found.data, entry, width, numbers, i);
  }
  const bytes = new Uint8Array(hashes.buffer);
  tally.addRows(rows, nulls, checksumFixed(bytes, 4, valid, 0, rows, tally.nextRow));
  if (kind.is === "text") tally.addValues(lengthStatistics(lengths, valid, 0));
  if (kind.is === "number") {
    const statistics = emptyStatistics();
    statisticsOf(kind.number, numbers, valid, 0, rows, 0, statistics);
    tally.addValues(statistics);
  }
}

function digestOf(data: DataLike, hashRow: HashRow): PieceDigest {
  const known = digests.get(data);
  if (known !== undefined) return known;
  const hashes = new Uint32Array(data.length);
  const nulls = new Uint8Array(data.length);
  const validity = validityOf(data);
  for (let row = 0; row < data.length; row++) {
    nulls[row] = isNull(validity, data.offset + row) ? 1 : 0;
    hashes[row] = hashRow(data, row);
  }
  const offsets = data.valueOffsets;
  const hasOffsets = offsets instanceof Int32Array || offsets instanceof BigInt64Array;
  const measured = columnKind(data.type).is === "text" && hasOffsets && data.length > 0;
  const digest = { hashes, nulls, lengths: measured ? valueLengths(offsets, 0, data.length) : undefined };
  digests.set(data, digest);
  return digest;
}

/** The validity bitmap of `data`, undefined when it has none; its first row lies at bit `data.offset`. */
export function validityOf(data: DataLike): Uint8Array | undefined {
  const bitmap = data.nullBitmap;
  if (bitmap === undefined || bitmap === null || bitmap.byteLength === 0) return undefined;
  return new Uint8Array(bitmap.buffer, bitmap.byteOffset, bitmap.byteLength);
}

function copyValue(data: DataLike, entry: number, width: number, out: Uint8Array, row: number): void {
  const values = data.values;
  if (values === undefined) return;
  const bytes = new Uint8Array(values.buffer, values.byteOffset + entry * width, width);
  out.set(bytes, row * width);
}
