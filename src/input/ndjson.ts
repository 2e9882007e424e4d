/**
 * NDJSON (one object a line), or one top-level array of objects → record batches, streaming.
 *
 * Columns are guessed from the first rows (infer.ts) or given. A field that is missing or null is null; a field that no column
 * is for, and a value that does not fit, end the reading with an error that names the line.
 *
 * @module
 */

import {
  RecordBatch as ArrowRecordBatch,
  Data,
  type DataType,
  type Field,
  type RecordBatch,
  Schema,
  Struct,
} from "apache-arrow";
import { UsageError } from "../errors.js";
import { BatchBytes } from "./batch-bytes.js";
import type { ByteSource } from "./byte-source.js";
import { ColumnBuilder } from "./column-builder.js";
import { JsonGuess, SAMPLE_BYTES, SAMPLE_ROWS } from "./infer.js";
import type { Input, ReadSettings } from "./input.js";
import { isJsonObject } from "./json-object.js";
import { type JsonRecord, jsonRecords } from "./json-records.js";
import { parseJson } from "./json-text.js";
import { shown } from "./shown.js";

const MAX_COLUMNS = 10_000;

interface Row {
  readonly value: Record<string, unknown>;
  readonly line: number;
  /** Length of its text. */
  readonly chars: number;
}

/** Opens NDJSON; reads, for inference, the first rows. @throws UsageError */
export async function openNdjson(source: ByteSource, settings: ReadSettings): Promise<Input> {
  const { name, totalBytes } = source;
  const records = jsonRecords(source);
  const sample: Row[] = [];
  const jsonText = new Set<DataType>();
  const schema = settings.schema ?? (await inferSchema(source, records, sample, jsonText));
  const builders = schema.fields.map((field) => new ColumnBuilder(field.type, field.name, jsonText));
  return {
    name,
    format: "ndjson",
    schema,
    ...(totalBytes === undefined ? {} : { totalBytes }),
    bytesRead: () => source.bytesRead(),
    batches: () => batches(source, new RowAppender(name, schema, builders, settings.batchRows), sample, records),
    close: () => source.close(),
  };
}

async function* batches(
  source: ByteSource,
  appender: RowAppender,
  sample: Row[],
  records: AsyncGenerator<JsonRecord>,
): AsyncGenerator<RecordBatch> {
  try {
    for (const row of sample.splice(0)) {
      appender.append(row);
      if (appender.full) yield appender.finish();
    }
    for await (const record of records) {
      appender.append(parseRow(source.name, record));
      if (appender.full) yield appender.finish();
    }
    if (appender.rows > 0) yield appender.finish();
  } finally {
    await source.close();
  }
}

class RowAppender {
  readonly #name: string;
  readonly #schema: Schema;
  readonly #builders: readonly ColumnBuilder[];
  readonly #index: ReadonlyMap<string, number>;
  readonly #filled: BatchBytes;
  #full = false;

  constructor(name: string, schema: Schema, builders: readonly ColumnBuilder[], batchRows: number) {
    this.#name = name;
    this.#schema = schema;
    this.#builders = builders;
    this.#index = new Map(schema.fields.map((field, index) => [field.name, index]));
    this.#filled = new BatchBytes(batchRows, countFields(schema.fields));
  }

  get rows(): number {
    return this.#filled.count;
  }

  /** True when the batch is to be finished before another row. */
  get full(): boolean {
    return this.#full;
  }

  append({ value, line, chars }: Row): void {
    for (const key of Object.keys(value)) {
      const index = this.#index.get(key) ?? -1;
      const builder = this.#builders[index];
      if (builder === undefined) {
        throw new UsageError(
          `${this.#name}: line ${line}: field ${shown(key)} is not among the columns (from the first rows, or from the given schema)`,
        );
      }
      const inner = value[key];
      if (inner === null || builder.appendJson(inner)) continue;
      throw new UsageError(
        `${this.#name}: line ${line}, column ${shown(key)}: ${shown(inner)} is not ${this.#schema.fields[index]?.type}, the column's type by its first rows or by the given schema`,
      );
    }
    for (const builder of this.#builders) if (builder.length === this.rows) builder.appendNull();
    this.#full = this.#filled.add(chars);
  }

  finish(): RecordBatch {
    const columns = this.#builders.map((builder) => builder.finish());
    const struct = new Data(new Struct(this.#schema.fields), 0, this.#filled.take(), 0, {}, columns);
    this.#full = false;
    return new ArrowRecordBatch(this.#schema, struct);
  }
}

async function inferSchema(
  source: ByteSource,
  records: AsyncGenerator<JsonRecord>,
  sample: Row[],
  jsonText: Set<DataType>,
): Promise<Schema> {
  const guess = new JsonGuess();
  let bytes = 0;
  while (sample.length < SAMPLE_ROWS && bytes < SAMPLE_BYTES) {
    const next = await records.next();
    if (next.done === true) break;
    const row = parseRow(source.name, next.value);
    bytes += next.value.text.length;
    guess.observe(row.value);
    sample.push(row);
  }
  const fields = guess.fields(jsonText);
  if (fields.length === 0) throw new UsageError(`${source.name}: has no objects with fields; expected at least one`);
  const count = countFields(fields);
  if (count > MAX_COLUMNS)
    throw new UsageError(`${source.name}: has ${count} columns, nested ones included; at most ${MAX_COLUMNS}`);
  return new Schema(fields);
}

/** Columns, nested ones included: each has a builder. */
function countFields(fields: readonly Field[]): number {
  return fields.reduce((count, { type }) => count + 1 + countFields(type.children ?? []), 0);
}

function parseRow(name: string, record: JsonRecord): Row {
  let value: unknown;
  try {
    value = parseJson(record.text);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `${name}: line ${record.line} is not valid JSON (${what.replaceAll(/\s+/g, " ")}); expected one object a line, or one array of objects`,
      { cause: error },
    );
  }
  if (isJsonObject(value)) return { value, line: record.line, chars: record.text.length };
  throw new UsageError(`${name}: line ${record.line} is ${shown(value)}; expected a JSON object`);
}
