/**
 * Parquet → record batches, one row group in memory at a time.
 *
 * hyparquet reads the footer and the page headers (after a check of their structure); pages are decoded here, straight into
 * Arrow buffers. Parquet is read from its end, so a stream goes through a temporary file first (random-access.ts).
 *
 * @module
 */

import { Data as ArrowData, type Data, RecordBatch, Schema, Struct } from "apache-arrow";
import { type FileMetaData, parquetMetadata, type RowGroup } from "hyparquet";
import { CorruptError, PennonError, UsageError } from "../errors.js";
import { slices } from "./batch-slices.js";
import type { ByteSource } from "./byte-source.js";
import type { Input, ReadSettings } from "./input.js";
import { assembleColumn } from "./parquet-assemble.js";
import { decodeChunk, type LeafColumn } from "./parquet-page.js";
import { type ColumnPlan, type Leaf, planColumns } from "./parquet-schema.js";
import { checkThriftStruct } from "./parquet-thrift.js";
import { RandomAccess } from "./random-access.js";
import { requireSchema } from "./require-schema.js";

const MAX_FOOTER_BYTES = 64 * 1024 * 1024;
const MAX_GROUP_ROWS = 2 ** 31 - 1;
const TAIL_BYTES = 8;
const MAGIC = "PAR1";

/** Opens Parquet; reads its footer. @throws CorruptError, UsageError */
export async function openParquet(source: ByteSource, settings: ReadSettings): Promise<Input> {
  const { name, totalBytes } = source;
  // Before a stream of anything is copied to a temporary file.
  if (Buffer.from(await source.peek(MAGIC.length)).toString("latin1") !== MAGIC) {
    throw new CorruptError(`${name}: does not begin as a Parquet file (${MAGIC}) does`);
  }
  const file = await RandomAccess.open(source, settings.maxSpoolBytes);
  try {
    const metadata = await readFooter(file, name);
    const plans = guard(name, "footer", () => planColumns(metadata));
    const schema = new Schema(plans.map((plan) => plan.field));
    requireSchema(name, schema, settings.schema);
    const reader = { file, name, metadata, plans, schema, settings };
    const close = async () => {
      await file.close();
      await source.close();
    };
    return {
      name,
      format: "parquet",
      schema,
      totalRows: metadata.row_groups.reduce((rows, group) => rows + Number(group.num_rows), 0),
      ...(totalBytes === undefined ? {} : { totalBytes }),
      bytesRead: () => (totalBytes === undefined || source.gunzipped ? source.bytesRead() : file.bytesRead()),
      batches: () => batches(reader, close),
      close,
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

interface Reader {
  readonly file: RandomAccess;
  readonly name: string;
  readonly metadata: FileMetaData;
  readonly plans: readonly ColumnPlan[];
  readonly schema: Schema;
  readonly settings: ReadSettings;
}

/** A row group is decoded whole: all its columns together may take so many times what one column chunk may. */
const GROUP_BYTES_PER_CHUNK_BYTE = 4;

async function* batches(reader: Reader, close: () => Promise<void>): AsyncGenerator<RecordBatch> {
  try {
    for (const [index, group] of reader.metadata.row_groups.entries()) {
      const rows = Number(group.num_rows);
      if (rows === 0) continue;
      const columns: Data[] = [];
      let left = GROUP_BYTES_PER_CHUNK_BYTE * reader.settings.maxMessageBytes;
      for (const plan of reader.plans) {
        const column = await readColumn(reader, group, index, plan, left);
        left -= column.byteLength;
        columns.push(column);
      }
      const struct = new ArrowData(new Struct(reader.schema.fields), 0, rows, 0, {}, columns);
      yield* slices(new RecordBatch(reader.schema, struct), reader.settings.batchRows);
    }
    reader.file.finish();
  } finally {
    await close();
  }
}

/** @param left bytes that the rest of the row group may decode to */
async function readColumn(
  reader: Reader,
  group: RowGroup,
  index: number,
  plan: ColumnPlan,
  left: number,
): Promise<Data> {
  const where = `row group ${index}, column "${plan.field.name}"`;
  const maxBytes = Math.min(reader.settings.maxMessageBytes, left);
  if (maxBytes <= 0) {
    const most = GROUP_BYTES_PER_CHUNK_BYTE * reader.settings.maxMessageBytes;
    throw new UsageError(
      `${reader.name}: ${where}: the row group decodes to more than ${most} bytes (${GROUP_BYTES_PER_CHUNK_BYTE} times maxMessageBytes); write smaller row groups`,
    );
  }
  const leaves: LeafColumn[] = [];
  for (const leaf of plan.leaves) leaves.push(await readLeaf(reader, group, leaf, where, maxBytes));
  return guard(reader.name, where, () => assembleColumn(plan, leaves));
}

async function readLeaf(
  reader: Reader,
  group: RowGroup,
  leaf: Leaf,
  where: string,
  maxBytes: number,
): Promise<LeafColumn> {
  const { file, name, settings } = reader;
  settings.signal?.throwIfAborted();
  const { start, length, codec } = guard(name, where, () => locate(group, leaf, settings.maxMessageBytes));
  const bytes = await file.read(start, length);
  settings.signal?.throwIfAborted();
  const options = { codec, rows: Number(group.num_rows), maxBytes };
  return guard(name, where, () => decodeChunk(bytes, leaf, options));
}

/** Where the bytes of a column chunk lie. */
function locate(
  group: RowGroup,
  leaf: Leaf,
  maxBytes: number,
): { start: number; length: number; codec: string | undefined } {
  const chunk = group.columns[leaf.index];
  const meta = chunk?.meta_data;
  if (chunk?.crypto_metadata !== undefined) throw new UsageError("the column is encrypted, which cannot be read");
  if (chunk?.file_path !== undefined) throw new UsageError(`the column lies in another file (${chunk.file_path})`);
  if (meta?.path_in_schema.join(".") !== leaf.path || meta.type !== leaf.element.type) {
    throw new CorruptError("the row group does not follow the schema");
  }
  const data = Number(meta.data_page_offset);
  const dictionary = Number(meta.dictionary_page_offset ?? 0);
  const start = dictionary > 0 && dictionary < data ? dictionary : data;
  const length = Number(meta.total_compressed_size);
  if (length > maxBytes)
    throw new CorruptError(`the column chunk states ${length} bytes; at most ${maxBytes} (maxMessageBytes)`);
  if (!(length >= 0 && start >= 0)) throw new CorruptError("the column chunk has an impossible place");
  return { start, length, codec: meta.codec };
}

async function readFooter(file: RandomAccess, name: string): Promise<FileMetaData> {
  if (file.size < TAIL_BYTES + 4) throw new CorruptError(`${name}: ${file.size} bytes are too few for a Parquet file`);
  const tail = await file.read(file.size - TAIL_BYTES, TAIL_BYTES);
  const magic = Buffer.from(tail.subarray(4)).toString("latin1");
  if (magic !== MAGIC)
    throw new CorruptError(`${name}: does not end with ${MAGIC}: the file is cut off, or not Parquet`);
  const length = new DataView(tail.buffer).getUint32(0, true);
  const most = Math.min(MAX_FOOTER_BYTES, file.size - TAIL_BYTES - 4);
  if (length > most) throw new CorruptError(`${name}: the footer states ${length} bytes; expected at most ${most}`);
  const footer = await file.read(file.size - TAIL_BYTES - length, length + TAIL_BYTES);
  return guard(name, "footer", () => {
    checkThriftStruct(footer.subarray(0, length), 0);
    const metadata = parquetMetadata(footer, { geoparquet: false, parsers: RAW_STATISTICS });
    for (const group of metadata.row_groups) {
      const rows = Number(group.num_rows);
      if (!(rows >= 0 && rows <= MAX_GROUP_ROWS)) throw new CorruptError(`a row group states ${rows} rows`);
    }
    return metadata;
  });
}

const asIs = <T>(value: T): T => value;

/** Statistics are not used: they are left as they are stored. */
const RAW_STATISTICS = {
  timestampFromMilliseconds: asIs,
  timestampFromMicroseconds: asIs,
  timestampFromNanoseconds: asIs,
  dateFromDays: asIs,
  stringFromBytes: asIs,
  jsonFromBytes: asIs,
  uuidFromBytes: asIs,
};

/** Runs a step; errors get the name of the file and the place, and those of a decoder that ran off its bytes become `CorruptError`. */
function guard<T>(name: string, where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    const message = `${name}: ${where}: ${what}`;
    if (error instanceof UsageError) throw new UsageError(message, { cause: error });
    if (error instanceof CorruptError || !(error instanceof PennonError))
      throw new CorruptError(message, { cause: error });
    throw error;
  }
}
