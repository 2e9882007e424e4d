/**
 * Calls of LanceDB and of the file system, whose failures are `StorageError`.
 *
 * @module
 */
import { lstat, readdir, realpath } from "node:fs/promises";
import { StorageError, UsageError } from "../errors.js";

/** Calls LanceDB or the file system; their failures are of the storage below. */
export async function storageCall<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new StorageError(`${what}: ${messageOf(error)}`, { cause: error });
  }
}

/** What is at a path, links followed. */
export async function kindOf(path: string): Promise<"absent" | "file" | "directory"> {
  try {
    const known = await lstat(await realpath(path));
    return known.isDirectory() ? "directory" : "file";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return "absent";
    if (code === "ENOTDIR") throw new UsageError(`a part of ${path} is a file; expected directories`);
    throw new StorageError(`cannot look at ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Names of what is in a directory. */
export function namesIn(directory: string): Promise<string[]> {
  return storageCall(`cannot list ${directory}`, () => readdir(directory));
}

/** The first line: LanceDB's go on with places in its sources. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
}
