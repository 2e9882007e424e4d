/**
 * Reads objects that are files.
 *
 * @module
 */
import { fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { StorageError } from "../errors.js";
import { closeQuietly } from "./close-quietly.js";
import { isAbsent, readFailure } from "./file-errors.js";
import { memoryFor } from "./object-bytes.js";
import { type GetOptions, ObjectNotFoundError } from "./object-store.js";

/** An object's file, open. */
export interface OpenObject {
  readonly fd: number;
  /** Size of the file. */
  readonly bytes: number;
}

/**
 * Opens an object's file; to be closed by the caller.
 *
 * @param flags as of `fs.open`
 * @throws ObjectNotFoundError when there is none, or the path leads to something else than a file
 */
export function openObject(path: string, flags: "r" | "r+"): OpenObject {
  let fd: number;
  try {
    fd = openSync(path, flags);
  } catch (error) {
    if (isAbsent(error)) throw notFound(path);
    throw readFailure(error, `Opening ${path}`);
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw notFound(path);
    return { fd, bytes: stats.size };
  } catch (error) {
    closeQuietly(fd);
    throw error instanceof ObjectNotFoundError ? error : readFailure(error, `Looking at ${path}`);
  }
}

/** What is known of the file, undefined when there is none. @throws StorageError, RetryableError */
export function statFile(path: string): Stats | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() ? found : undefined;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw readFailure(error, `Looking at ${path}`);
  }
}

/**
 * Bytes [start, end) of an open file, which has that many.
 *
 * @throws StorageError, RetryableError
 */
export function readBytes(fd: number, path: string, start: number, end: number, into: GetOptions["into"]): Uint8Array {
  const bytes = memoryFor(end - start, into);
  let done = 0;
  while (done < bytes.byteLength) {
    let read: number;
    try {
      read = readSync(fd, bytes, done, bytes.byteLength - done, start + done);
    } catch (error) {
      throw readFailure(error, `Reading ${path}`);
    }
    if (read === 0)
      throw new StorageError(
        `Reading ${path}: it ends after ${start + done} bytes and had ${end} at least. Somebody is cutting it.`,
      );
    done += read;
  }
  return bytes;
}

function notFound(path: string): ObjectNotFoundError {
  return new ObjectNotFoundError(`There is no object ${path}.`);
}
