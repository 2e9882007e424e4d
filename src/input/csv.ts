/**
 * CSV with a header row → record batches, streaming.
 *
 * The delimiter (comma, semicolon, tab, bar) is the one that occurs most in the header. Types are guessed from the first rows
 * (infer.ts) or given. An empty field is null. A field that does not fit its column, and a row with too many or too few fields,
 * ends the reading with an error that names the line.
 *
 * @module
 */

import { pipeline, Readable } from "node:stream";
import { RecordBatch as ArrowRecordBatch, Data, Field, type RecordBatch, Schema, Struct } from "apache-arrow";
import { CsvError, parse } from "csv-parse";
import { UsageError } from "../errors.js";
import { BatchBytes } from "./batch-bytes.js";
import type { ByteSource } from "./byte-source.js";
import { ColumnBuilder } from "./column-builder.js";
import { SAMPLE_BYTES, SAMPLE_ROWS, TextGuess } from "./infer.js";
import type { Input, ReadSettings } from "./input.js";
import { shown } from "./shown.js";
import { DELIMITERS, SNIFF_BYTES } from "./sniff.js";
import { Utf8Lines } from "./utf8-lines.js";

/** Longest row in characters. */
const MAX_ROW_CHARS = 16 * 1024 * 1024;
const MAX_COLUMNS = 10_000;

/** The fields of a row and behind them, as one more text, the line on which it ends (the header's is 1). */
type Row = readonly string[];

/** Opens CSV; reads the header and, for inference, the first rows. @throws UsageError */
export async function openCsv(source: ByteSource, settings: ReadSettings): Promise<Input> {
  const { name, totalBytes } = source;
  const delimiter = sniffDelimiter(await source.peek(SNIFF_BYTES));
  const rows = parseRows(source, delimiter);
  const header = await rows.next();
  if (header.done === true) throw new UsageError(`${name}: has no header row`);
  const names = columnNames(name, header.value.slice(0, -1));
  const sample: Row[] = [];
  const schema = settings.schema ?? (await inferSchema(source, names, rows, sample));
  const columns = columnsInFileOrder(name, names, schema);
  return {
    name,
    format: "csv",
    schema,
    ...(totalBytes === undefined ? {} : { totalBytes }),
    bytesRead: () => source.bytesRead(),
    batches: () => batches(source, settings.batchRows, schema, columns, sample, rows),
    close: async () => {
      await source.close();
      await rows.return(undefined);
    },
  };
}

interface Column {
  readonly field: Field;
  readonly builder: ColumnBuilder;
}

async function* batches(
  source: ByteSource,
  batchRows: number,
  schema: Schema,
  columns: readonly Column[],
  sample: Row[],
  rows: AsyncGenerator<Row>,
): AsyncGenerator<RecordBatch> {
  try {
    const filled = new BatchBytes(batchRows, columns.length);
    const flush = (): RecordBatch => {
      const count = filled.take();
      const built = new Map(columns.map(({ field, builder }) => [field.name, builder.finish()]));
      const children = schema.fields.map((field) => built.get(field.name) ?? new Data(field.type, 0, 0));
      return new ArrowRecordBatch(schema, new Data(new Struct(schema.fields), 0, count, 0, {}, children));
    };
    for (const row of sample.splice(0)) {
      if (filled.add(appendRow(source.name, columns, row))) yield flush();
    }
    for await (const row of rows) {
      if (filled.add(appendRow(source.name, columns, row))) yield flush();
    }
    if (filled.count > 0) yield flush();
  } finally {
    await source.close();
  }
}

/** Appends one row; returns how many characters it has. */
function appendRow(name: string, columns: readonly Column[], row: Row): number {
  let chars = 0;
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i];
    const text = row[i];
    if (column === undefined || text === undefined) continue;
    chars += text.length;
    if (text === "") column.builder.appendNull();
    else if (!column.builder.appendText(text)) {
      const { field } = column;
      throw new UsageError(
        `${name}: line ${row.at(-1)}, column "${field.name}": ${shown(text)} is not ${field.type}, the column's type by its first rows or by the given schema`,
      );
    }
  }
  return chars;
}

async function inferSchema(
  source: ByteSource,
  names: readonly string[],
  rows: AsyncGenerator<Row>,
  sample: Row[],
): Promise<Schema> {
  const guesses = names.map(() => new TextGuess());
  let bytes = 0;
  while (sample.length < SAMPLE_ROWS && bytes < SAMPLE_BYTES) {
    const next = await rows.next();
    if (next.done === true) break;
    sample.push(next.value);
    guesses.forEach((guess, index) => {
      const text = next.value[index] ?? "";
      bytes += text.length + 1;
      guess.observe(text);
    });
  }
  if (sample.length === 0)
    throw new UsageError(`${source.name}: has a header row and no others; expected rows to tell types by`);
  return new Schema(
    names.map((column, index) => new Field(column, guesses[index]?.type() ?? new TextGuess().type(), true)),
  );
}

/** The columns of the schema in the order of the file. Every one must be there, and no others. */
function columnsInFileOrder(name: string, names: readonly string[], schema: Schema): Column[] {
  const fields = new Map(schema.fields.map((field) => [field.name, field]));
  const missing = schema.fields.find((field) => !names.includes(field.name));
  if (missing !== undefined) throw new UsageError(`${name}: has no column "${missing.name}", which the schema names`);
  return names.map((column) => {
    const field = fields.get(column);
    if (field === undefined) throw new UsageError(`${name}: column "${column}" is not in the schema`);
    return { field, builder: new ColumnBuilder(field.type, column, new Set()) };
  });
}

function columnNames(name: string, header: readonly string[]): string[] {
  if (header.length > MAX_COLUMNS)
    throw new UsageError(`${name}: has ${header.length} columns; at most ${MAX_COLUMNS}`);
  // Tools that write an index leave its heading empty.
  const names = header.map((text, index) => (text === "" ? `column_${index + 1}` : text));
  const seen = new Set<string>();
  for (const column of names) {
    if (seen.has(column))
      throw new UsageError(`${name}: line 1: two columns are called "${column}"; names must differ`);
    seen.add(column);
  }
  return names;
}

async function* parseRows(source: ByteSource, delimiter: string): AsyncGenerator<Row> {
  const parser = parse({
    bom: true,
    delimiter,
    skip_empty_lines: true,
    max_record_size: MAX_ROW_CHARS,
    on_record: (values: string[], context) => {
      values.push(String(context.lines));
      return values;
    },
  });
  // Errors reach whoever iterates the parser, so the callback has nothing to do.
  pipeline(Readable.from(checkedChunks(source)), parser, () => {});
  try {
    for await (const row of parser) if (isRow(row)) yield row;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UsageError(`${source.name}: ${describe(error)}`, { cause: error });
  }
}

async function* checkedChunks(source: ByteSource): AsyncGenerator<Uint8Array> {
  const lines = new Utf8Lines(source.name);
  for (let chunk = await source.chunk(); chunk !== undefined; chunk = await source.chunk()) {
    lines.check(chunk);
    yield chunk;
  }
  lines.end();
}

function isRow(row: unknown): row is Row {
  return Array.isArray(row);
}

function describe(error: CsvError): string {
  const line = typeof error["lines"] === "number" ? error["lines"] : 0;
  const record: unknown = error["record"];
  switch (error.code) {
    case "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH": {
      const expected = /expect (\d+)/.exec(error.message)?.[1] ?? "as many as in the header";
      return `line ${line} has ${Array.isArray(record) ? record.length : "another number of"} fields; expected ${expected}`;
    }
    case "CSV_MAX_RECORD_SIZE":
      return `line ${line} is longer than ${MAX_ROW_CHARS} characters (is a quote missing?)`;
    case "CSV_QUOTE_NOT_CLOSED":
      return `line ${line}: a quoted field is not closed before the end of the file`;
    default:
      return `line ${line}: ${error.message}`;
  }
}

/** The delimiter that occurs most in the first line, outside quotes. */
function sniffDelimiter(head: Uint8Array): string {
  const text = Buffer.from(head)
    .toString("latin1")
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart();
  const line = text.replace(/"(?:[^"]|"")*"/g, "").split(/[\r\n]/, 1)[0] ?? "";
  let best: string = DELIMITERS[0];
  let most = 0;
  for (const delimiter of DELIMITERS) {
    const count = line.split(delimiter).length - 1;
    if (count > most) {
      best = delimiter;
      most = count;
    }
  }
  return best;
}
