/**
 * The `_pk_index` of an SSTable: which keys are in it. LanceDB's scan hides by it what older tiers have of the same keys.
 *
 * It is a BTree index of Lance, two data files, all keys in ascending order:
 *
 * ```
 * page_data     values: type of the key (Binary for a key of several columns, encoded as key-list.ts says) · ids: uint64, the row
 * page_lookup   min, max: as values · null_count: uint32 · page_idx: uint32        one row for each 8192 of page_data
 *               metadata: batch_size "8192", range_partitioned "false"
 * ```
 *
 * Both are made here as Arrow files; LanceDB turns them into its own (lance-dataset.ts).
 *
 * @module
 */
import { type Data, type DataType, Field, Schema, Struct, Uint32, Uint64 } from "apache-arrow";
import { arrowData } from "../arrow/data.js";
import { IpcFile } from "../arrow/ipc-file.js";
import { recordBatch } from "../arrow/record-batch.js";
import type { KeyList } from "./key-list.js";

const PAGE_ROWS = 8192;

/** The two files of the index, as Arrow files. */
export interface KeyPages {
  readonly data: Uint8Array;
  readonly lookup: Uint8Array;
}

export function keyPages(keys: KeyList): KeyPages {
  const order = keys.order();
  const pages = Math.ceil(order.length / PAGE_ROWS);
  const data = new IpcFile(pageDataSchema(keys.type), 2 * keys.arrowBytes + 8 * order.length);
  const firsts = new Uint32Array(pages);
  const lasts = new Uint32Array(pages);
  for (let page = 0; page < pages; page++) {
    const rows = order.subarray(page * PAGE_ROWS, (page + 1) * PAGE_ROWS);
    firsts[page] = rows[0] ?? 0;
    lasts[page] = rows[rows.length - 1] ?? 0;
    append(data, pageDataSchema(keys.type), [keys.take(rows), rowIds(rows)]);
  }
  const lookup = new IpcFile(pageLookupSchema(keys.type), 0);
  append(lookup, pageLookupSchema(keys.type), [
    keys.take(firsts),
    keys.take(lasts),
    arrowData(new Uint32(), pages, 0, { values: new Uint32Array(pages) }),
    arrowData(new Uint32(), pages, 0, { values: Uint32Array.from({ length: pages }, (_, page) => page) }),
  ]);
  return { data: data.finish(), lookup: lookup.finish() };
}

function pageDataSchema(type: DataType): Schema {
  return new Schema([new Field("values", type, true), new Field("ids", new Uint64(), false)]);
}

function pageLookupSchema(type: DataType): Schema {
  const fields = [
    new Field("min", type, true),
    new Field("max", type, true),
    new Field("null_count", new Uint32(), false),
    new Field("page_idx", new Uint32(), false),
  ];
  return new Schema(fields, new Map(Object.entries({ batch_size: String(PAGE_ROWS), range_partitioned: "false" })));
}

function rowIds(rows: Uint32Array): Data {
  const words = new Uint32Array(2 * rows.length);
  rows.forEach((row, i) => {
    words[2 * i] = row;
  });
  return arrowData(new Uint64(), rows.length, 0, { values: new BigUint64Array(words.buffer) });
}

function append(file: IpcFile, schema: Schema, columns: Data[]): void {
  file.append(recordBatch(schema, new Struct(schema.fields), columns[0]?.length ?? 0, columns));
}
