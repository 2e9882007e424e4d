/**
 * Shared by the tests of this folder: sources made of bytes in memory, and readers that run them to the end.
 *
 * @module
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { RecordBatch } from "apache-arrow";
import { PennonError } from "../errors.js";
import type { Input, InputOptions, InputSource } from "./input.js";
import { openInput } from "./open-input.js";

/** A data file of the vega-datasets package. */
export function dataFile(name: string): string {
  return new URL(`../../node_modules/vega-datasets/data/${name}`, import.meta.url).pathname;
}

/** A stream of these bytes in chunks of the given size. */
export function streamOf(bytes: Uint8Array | string, chunkBytes = 65_536): InputSource {
  const all = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  function* chunks(): Generator<Uint8Array> {
    for (let at = 0; at < all.length; at += chunkBytes) yield all.subarray(at, at + chunkBytes);
  }
  return { stream: Readable.from(chunks(), { objectMode: true }), name: "<stdin>" };
}

/** Runs work with a directory of its own, removed afterwards. */
export async function withDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "pennon-input-test-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs work with a file of that name and content. */
export function withFile<T>(
  name: string,
  content: Uint8Array | string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  return withDirectory(async (directory) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return work(path);
  });
}

/** All batches of a source. */
export async function readAll(source: InputSource, options: InputOptions = {}): Promise<RecordBatch[]> {
  const input = await openInput(source, options);
  return batchesOf(input);
}

export async function batchesOf(input: Input): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = [];
  for await (const batch of input.batches()) batches.push(batch);
  return batches;
}

/** Rows as plain values that can be compared. */
export function rowsOf(batches: readonly RecordBatch[]): unknown[] {
  return batches.flatMap((batch) => batch.toArray().map((row: unknown) => plain(row)));
}

/** Arrow's rows, vectors and typed arrays as plain objects and arrays. */
export function plain(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  if (ArrayBuffer.isView(value)) return Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (value instanceof Map) return [...value].map(([key, inner]) => [plain(key), plain(inner)]);
  if (Symbol.iterator in value && "toArray" in value && "get" in value && "length" in value) {
    return [...(value as Iterable<unknown>)].map(plain);
  }
  if (value.constructor?.name === "MapRow")
    return [...(value as Iterable<[unknown, unknown]>)].map(([key, inner]) => [key, plain(inner)]);
  if (Array.isArray(value)) return value.map(plain);
  if ("toJSON" in value && typeof value.toJSON === "function") {
    return Object.fromEntries(Object.entries(value.toJSON()).map(([key, inner]) => [key, plain(inner)]));
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** Reads a source to the end: its rows, or the error, which must be one of ours. */
export async function outcome(source: InputSource, options: InputOptions = {}): Promise<"batches" | PennonError> {
  try {
    for (const batch of await readAll(source, options)) touch(batch);
    return "batches";
  } catch (error) {
    if (error instanceof PennonError) return error;
    throw error;
  }
}

/** Reads some values, as a consumer would. */
function touch(batch: RecordBatch): void {
  for (const row of [0, batch.numRows - 1]) {
    try {
      if (row >= 0) plain(batch.get(row));
    } catch (error) {
      // apache-arrow gives timestamps as numbers and refuses those that are too far away: damage may well make such a value.
      if (!(error instanceof TypeError && error.message.includes("not safe to convert"))) throw error;
    }
  }
}

/** The message of the error that reading the source ends with. */
export async function failure(source: InputSource, options: InputOptions = {}): Promise<string> {
  const result = await outcome(source, options);
  return result === "batches" ? "no error" : `${result.name}: ${result.message}`;
}
