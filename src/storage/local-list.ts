/**
 * Walks the objects under a directory in the order of the bytes of their keys.
 *
 * Order: a directory stands where its name with a slash does ("a-b" comes before "a/b", as "-" comes before "/"), so walking it in
 * its place keeps the whole in order. One directory's names are in memory at a time for each level. Names that are no parts of keys
 * are passed over, temporary files among them.
 *
 * @module
 */
import { type Dirent, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { isAbsent, readFailure } from "./file-errors.js";
import { isKeyPart } from "./object-key.js";
import type { ListedObject } from "./object-store.js";

/** Keys have at most so many parts; deeper files are no objects. */
const MAX_DEPTH = 8;

/**
 * @param root the store's directory
 * @param prefix parts of a key ending in a slash, or empty
 * @param after only keys after this one
 * @throws StorageError, RetryableError when a directory cannot be read; one that is not there has no objects
 */
export function* walkObjects(root: string, prefix: string, after: string): Generator<ListedObject> {
  const depth = prefix.split("/").length;
  for (const { name, isDirectory } of namesIn(join(root, prefix))) {
    const key = prefix + name;
    if (isDirectory) {
      const mayHoldLater = key > after || after.startsWith(key);
      if (depth < MAX_DEPTH && mayHoldLater) yield* walkObjects(root, key, after);
    } else if (key > after) {
      yield { key };
    }
  }
}

interface Name {
  /** With a slash at its end when it is a directory. */
  readonly name: string;
  readonly isDirectory: boolean;
}

function namesIn(directory: string): Name[] {
  const names: Name[] = [];
  for (const entry of entriesIn(directory)) {
    if (!isKeyPart(entry.name)) continue;
    const found = entry.isDirectory() || entry.isFile() ? entry : statOf(join(directory, entry.name));
    if (found?.isDirectory()) names.push({ name: `${entry.name}/`, isDirectory: true });
    else if (found?.isFile()) names.push({ name: entry.name, isDirectory: false });
  }
  return names.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function entriesIn(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw readFailure(error, `Listing ${directory}`);
  }
}

/** What a symbolic link leads to, or an entry of a file system that does not tell in its listing. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw readFailure(error, `Looking at ${path}`);
  }
}
