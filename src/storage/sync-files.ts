/**
 * Where a local store calls fsync, and what its failure means there. It is never called twice for the same bytes: a system that
 * could not write them may have dropped them, and would then say that all is well.
 *
 * @module
 */
import { fsyncSync } from "node:fs";
import { OutcomeUnknownError } from "../errors.js";
import { closeQuietly } from "./close-quietly.js";
import { OpenDirectory } from "./directories.js";
import { beforeEffect, isAbsent, reason, syncFailure } from "./file-errors.js";
import { openObject } from "./read-object.js";

/** Windows syncs only what is open for writing; elsewhere reading is enough, and allowed for files of others. */
const OPEN_TO_SYNC = process.platform === "win32" ? "r+" : "r";

/** Makes the bytes of a file durable that has no final name yet. @throws StorageError */
export function syncContents(fd: number, path: string): void {
  try {
    fsyncSync(fd);
  } catch (error) {
    throw syncFailure(error, `Making ${path} durable`);
  }
}

/**
 * Opens a directory before there is anything in it that must become durable.
 *
 * @returns undefined when there is no such directory
 * @throws StorageError, RetryableError
 */
export function openNames(directory: string): OpenDirectory | undefined {
  try {
    return OpenDirectory.open(directory);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw beforeEffect(error, `Opening ${directory}`);
  }
}

/** Makes the names in the directory durable, and closes it. @param path what has its name since @throws OutcomeUnknownError */
export function syncNames(names: OpenDirectory, path: string): void {
  try {
    names.sync();
  } catch (error) {
    throw syncUnknown(error, path);
  } finally {
    names.close();
  }
}

/** Makes the bytes of an object durable that has its name. @throws ObjectNotFoundError, OutcomeUnknownError, StorageError, RetryableError */
export function syncObject(path: string): void {
  const { fd } = openObject(path, OPEN_TO_SYNC);
  try {
    fsyncSync(fd);
  } catch (error) {
    throw syncUnknown(error, path);
  } finally {
    closeQuietly(fd);
  }
}

/** The error for something that has its name and may not survive a loss of power. */
export function syncUnknown(error: unknown, path: string): OutcomeUnknownError {
  return new OutcomeUnknownError(
    `Making ${path} durable: ${reason(error)}. It can be seen, and may not survive a loss of power; trying again would not tell.`,
    { cause: error },
  );
}
