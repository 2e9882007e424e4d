/**
 * Opening a source of rows, whatever its format: the one way into this folder.
 *
 * @module
 */

import type { RecordBatch } from "apache-arrow";
import { ClosedError, UsageError } from "../errors.js";
import { openArrow } from "./arrow-ipc.js";
import { ByteSource } from "./byte-source.js";
import { openCsv } from "./csv.js";
import {
  type Input,
  type InputFormat,
  type InputOptions,
  type InputSource,
  type ReadSettings,
  readSettings,
} from "./input.js";
import { openNdjson } from "./ndjson.js";
import { openParquet } from "./parquet.js";
import { isGzip, SNIFF_BYTES, sniffFormat } from "./sniff.js";

export type { Input, InputOptions, InputSource } from "./input.js";

const OPENERS: Readonly<Record<InputFormat, (source: ByteSource, settings: ReadSettings) => Promise<Input>>> = {
  arrow: openArrow,
  parquet: openParquet,
  csv: openCsv,
  ndjson: openNdjson,
};

/**
 * Opens a file or stream of rows and reads as much as it takes to know the schema. Gzipped sources are gunzipped on the way.
 *
 * @throws UsageError when the source is missing, a directory, unreadable, empty or of unknown format, or its first rows are wrong;
 * CorruptError when the bytes are not what they claim to be; the signal's reason when it is aborted.
 */
export async function openInput(source: InputSource, options: InputOptions = {}): Promise<Input> {
  const settings = readSettings(options);
  const opener = options.format === undefined ? undefined : OPENERS[options.format];
  if (options.format !== undefined && opener === undefined) {
    throw new UsageError(`unknown format ${String(options.format)}; expected arrow, parquet, csv or ndjson`);
  }
  const bytes = await ByteSource.open(source, settings.signal);
  try {
    if (isGzip(await bytes.peek(3))) bytes.gunzip();
    const head = await bytes.peek(SNIFF_BYTES);
    if (head.length === 0) throw new UsageError(`${bytes.name}: is empty`);
    const open = opener ?? OPENERS[sniffFormat(head, bytes.name)];
    return onceOnly(await open(bytes, settings), settings.signal);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

/** The same input, whose batches are read at most once, and end with an error once it is closed or aborted. */
function onceOnly(input: Input, signal: AbortSignal | undefined): Input {
  let closed = false;
  let taken = false;
  const check = () => {
    signal?.throwIfAborted();
    if (closed) throw new ClosedError(`${input.name}: the input was closed`);
  };
  async function* batches(): AsyncGenerator<RecordBatch> {
    check();
    if (taken) throw new UsageError(`${input.name}: its batches can be read once; open it again`);
    taken = true;
    for await (const batch of input.batches()) {
      check();
      yield batch;
      check();
    }
    check();
  }
  const close = () => {
    closed = true;
    return input.close();
  };
  return { ...input, batches, close };
}
