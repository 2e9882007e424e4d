/**
 * Makes what LanceDB has written of a table survive a loss of power. LanceDB never calls fsync, and a log of acknowledged rows is worth
 * nothing when the table that it belongs to is gone.
 *
 * @module
 */
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StorageError, UsageError } from "../errors.js";
import { syncDirectory, syncFile } from "../storage/sync-tree.js";

/** Most files of a new table: LanceDB writes five. */
const MAX_FILES = 10_000;
/** Files that have not changed for so long were written back by the system long ago. */
const SETTLED_MS = 10 * 60_000;
/** What names and describes a table; base data are LanceDB's business. */
const PARTS = ["_versions", "_transactions"];
/** Of the system's errors: LanceDB may have removed the file. */
const GONE = ["ENOENT"];
/** An ancestor that may not be read was there before. */
const NOT_OURS = ["EACCES", "EPERM"];

/**
 * Fsyncs the manifests and transactions of a table, its directories, and the names of those up to and including `upTo`.
 *
 * @param upTo an ancestor of the table's directory: the deepest one that was there before the table was created
 */
export async function syncTable(tableDirectory: string, upTo: string): Promise<void> {
  const settled = Date.now() - SETTLED_MS;
  let files = 0;
  for (const part of PARTS) {
    const directory = join(tableDirectory, part);
    for (const name of await namesIn(directory)) {
      const path = join(directory, name);
      const known = await stat(path).catch(() => undefined); // LanceDB may have replaced it
      if (known === undefined || !known.isFile() || known.mtimeMs < settled) continue;
      if (++files > MAX_FILES)
        throw new UsageError(`${directory} has more than ${MAX_FILES} new files; try again later`);
      await tolerating(GONE, syncFile(path));
    }
    await tolerating([...GONE, ...NOT_OURS], syncDirectory(directory));
  }
  for (let directory = tableDirectory; ; directory = dirname(directory)) {
    await tolerating(NOT_OURS, syncDirectory(directory));
    if (directory === upTo || directory === dirname(directory)) return;
  }
}

/** The deepest directory on the way to `path` that exists. */
export async function deepestExisting(path: string): Promise<string> {
  for (let directory = path; ; directory = dirname(directory)) {
    const known = await stat(directory).catch(() => undefined);
    if (known !== undefined || directory === dirname(directory)) return directory;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw new StorageError(`cannot list ${directory}: ${messageOf(error)}`, { cause: error });
  }
}

async function tolerating(codes: readonly unknown[], syncing: Promise<void>): Promise<void> {
  try {
    await syncing;
  } catch (error) {
    if (!(error instanceof StorageError && codes.includes(codeOf(error.cause)))) throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
