/**
 * Lance datasets that LanceDB makes of Arrow files.
 *
 * LanceDB's public `createTable` takes rows apart and writes them with apache-arrow, which leaves out buffers that Lance demands
 * (see arrow/ipc-file.ts) and takes as long as Lance's own writing. Below it lies the call of the native module that takes an Arrow file as
 * it is; that one is used. It is there in the one version that we speak ({@link loadLanceDb}), and its absence is a clear error.
 *
 * @module
 */
import type { Connection } from "@lancedb/lancedb";
import { UsageError } from "../errors.js";
import { storageCall } from "./storage-call.js";

/** The native module's connection, as far as it is used. */
interface NativeConnection {
  createTable(
    name: string,
    file: Buffer,
    mode: "create",
    namespacePath: string[],
    storageOptions: Record<string, string>,
  ): Promise<unknown>;
}

/** How a dataset is made. */
export interface DatasetOptions {
  /** Version of Lance's data files. @default that of new tables */
  readonly storageVersion?: string;
}

/**
 * Creates `<directory of the database>/<name>.lance`. Nothing of it is durable.
 *
 * @param file an Arrow IPC file with one batch at least, in plain memory; must not change before the promise settles
 * @throws UsageError when this LanceDB cannot do it; StorageError when it fails
 */
export async function createDataset(
  connection: Connection,
  name: string,
  file: Uint8Array,
  options: DatasetOptions = {},
): Promise<void> {
  const native = nativeOf(connection);
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const storageOptions: Record<string, string> =
    options.storageVersion === undefined ? {} : { new_table_data_storage_version: options.storageVersion };
  await storageCall(`cannot write the dataset ${name}`, () =>
    native.createTable(name, bytes, "create", [], storageOptions),
  );
}

function nativeOf(connection: Connection): NativeConnection {
  const { inner }: { inner?: unknown } = { ...connection };
  if (isNative(inner)) return inner;
  throw new UsageError(
    "the installed package @lancedb/lancedb takes no Arrow files; expected the version that Pennon names as its peer",
  );
}

function isNative(value: unknown): value is NativeConnection {
  if (typeof value !== "object" || value === null) return false;
  const { createTable }: { createTable?: unknown } = value;
  return typeof createTable === "function";
}
