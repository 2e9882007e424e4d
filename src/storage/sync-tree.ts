/**
 * Makes a directory that somebody else has written survive a loss of power, with all that is in it. LanceDB never calls fsync.
 *
 * Order: the files, then the directories that hold their names, the innermost first.
 *
 * @module
 */
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../errors.js";
import { isWithoutDirectorySync, readFailure, syncFailure } from "./file-errors.js";

/** An SSTable has about a dozen. */
const MAX_FILES = 10_000;
const MAX_DEPTH = 8;
/** Files synced at once: their journal commits are shared. */
const AT_ONCE = 4;

/**
 * Fsyncs every file and every directory below `directory`, and itself; not its own name, see {@link syncDirectory}.
 *
 * @throws StorageError, RetryableError when something cannot be read or synced: then nothing may rely on it, and trying again does not tell
 */
export async function syncTree(directory: string): Promise<void> {
  const files: string[] = [];
  const directories: string[] = [];
  await walk(directory, 1, files, directories);
  for (let at = 0; at < files.length; at += AT_ONCE) {
    await Promise.all(files.slice(at, at + AT_ONCE).map(syncFile));
  }
  for (const path of directories.reverse()) await syncDirectory(path);
}

/** Fsyncs the bytes of a file. @throws StorageError, whose cause is the system's error */
export function syncFile(path: string): Promise<void> {
  return sync(path, process.platform === "win32" ? "r+" : "r", () => false); // Windows syncs only what is open for writing
}

/** Fsyncs the names in a directory. @throws StorageError, whose cause is the system's error */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return; // Windows has no fsync of directories: NTFS logs names in order
  await sync(directory, "r", isWithoutDirectorySync);
}

async function walk(directory: string, depth: number, files: string[], directories: string[]): Promise<void> {
  directories.push(directory);
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    throw readFailure(error, `Listing ${directory}`);
  });
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (!entry.isDirectory()) files.push(path);
    else if (depth < MAX_DEPTH) await walk(path, depth + 1, files, directories);
    else throw new UsageError(`${path} lies more than ${MAX_DEPTH} directories deep; expected a Lance dataset`);
    if (files.length > MAX_FILES)
      throw new UsageError(`${directory} holds more than ${MAX_FILES} files to make durable`);
  }
}

async function sync(path: string, flags: string, isDone: (error: unknown) => boolean): Promise<void> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, flags);
    await file.sync();
  } catch (error) {
    if (file !== undefined && isDone(error)) return;
    throw syncFailure(error, `Making ${path} durable`);
  } finally {
    await file?.close().catch(() => {});
  }
}
