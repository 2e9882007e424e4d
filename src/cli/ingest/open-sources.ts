/**
 * Opening the sources of an ingest, all of which must have the schema of the first.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { schemaDifference } from "../../arrow/schema.js";
import { UsageError } from "../../errors.js";
import type { Input, InputOptions, InputSource } from "../../input/input.js";
import { openInput } from "../../input/open-input.js";

/** The schema that a source must have, and whose it is. */
export interface Expected {
  readonly schema: Schema;
  readonly name: string;
}

/**
 * The sources that file names on a command line mean; `-` is standard input.
 *
 * @throws UsageError when that is named twice
 */
export function sourcesOf(files: readonly string[]): InputSource[] {
  if (files.filter((file) => file === "-").length > 1) {
    throw new UsageError("- (standard input) is given more than once; it can be read only once");
  }
  return files.map((file) => (file === "-" ? { stream: process.stdin, name: "<stdin>" } : { path: file }));
}

/**
 * Opens a source.
 *
 * The types of CSV and NDJSON are a guess from the first rows, so such a file is read with the expected types when its own guess is
 * another; other formats state theirs. A column that no row of NDJSON has a field for is null in all of them.
 *
 * @throws UsageError, naming source and field, when the schema is another than the expected one; and as `openInput` does
 */
export async function openSource(
  source: InputSource,
  options: InputOptions,
  expected: Expected | undefined,
): Promise<Input> {
  const input = await openInput(source, options);
  if (expected === undefined) return input;
  const difference = schemaDifference(expected.schema, input.schema)?.replace("the store's schema", "it");
  if (difference === undefined) return input;
  await input.close();
  const canFit =
    input.format === "ndjson"
      ? lacksNullable(expected.schema, input.schema)
      : input.format === "csv" && sameNames(expected.schema, input.schema);
  if (canFit && input.totalBytes !== undefined) return openInput(source, { ...options, schema: expected.schema });
  throw new UsageError(`${input.name}: does not have the schema of ${expected.name}: ${difference}`);
}

/** Whether there are no other columns, and those that are missing may be null. */
function lacksNullable(expected: Schema, found: Schema): boolean {
  const names = new Set(found.names);
  const known = expected.fields.filter(({ name }) => names.has(name)).length;
  return known === names.size && expected.fields.every(({ name, nullable }) => nullable || names.has(name));
}

function sameNames(a: Schema, b: Schema): boolean {
  const names = new Set(a.names);
  return b.names.length === names.size && b.names.every((name) => names.has(name));
}
