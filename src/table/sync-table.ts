/**
 * Makes what LanceDB has written of a table survive a loss of power. LanceDB never calls fsync, and a log of acknowledged rows is worth
 * nothing when the table that it belongs to is gone.
 *
 * @module
 */
import { open, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StorageError, UsageError } from "../errors.js";

/** Most files of a new table: LanceDB writes five. */
const MAX_FILES = 10_000;
/** Files that have not changed for so long were written back by the system long ago. */
const SETTLED_MS = 10 * 60_000;
/** What names and describes a table; base data are LanceDB's business. */
const PARTS = ["_versions", "_transactions"];

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
      await sync(path, { mayBeGone: true });
    }
    await sync(directory, { mayBeGone: true, directory: true });
  }
  for (let directory = tableDirectory; ; directory = dirname(directory)) {
    await sync(directory, { mayBeGone: false, directory: true });
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

async function sync(
  path: string,
  options: { readonly mayBeGone: boolean; readonly directory?: boolean },
): Promise<void> {
  if (options.directory && process.platform === "win32") return; // Windows has no fsync of directories
  try {
    const file = await open(path, process.platform === "win32" ? "r+" : "r");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = codeOf(error);
    if (options.mayBeGone && code === "ENOENT") return;
    // File systems that cannot sync a directory say so; an ancestor that may not be read was there before.
    if (options.directory && (code === "EINVAL" || code === "EACCES" || code === "EPERM")) return;
    throw new StorageError(`cannot make ${path} durable: ${messageOf(error)}`, { cause: error });
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
