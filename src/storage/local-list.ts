/**
 * Walks the objects under a directory in the order of the bytes of their keys.
 *
 * Order: a directory stands where its name with a slash does ("a-b" comes before "a/b", as "-" comes before "/"), so walking it in
 * its place keeps the whole in order. One directory's names are in memory at a time for each level. Names that are no parts of keys
 * are passed over, temporary files among them.
 *
 * @module
 */
import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isAbsent, readFailure } from "./file-errors.js";
import { isKeyPart } from "./object-key.js";
import type { ObjectInfo } from "./object-store.js";
import { statFile } from "./read-object.js";

/** Keys have at most so many parts; deeper files are no objects. */
const MAX_DEPTH = 8;

/**
 * @param root the store's directory
 * @param prefix parts of a key ending in a slash, or empty
 * @param after only keys after this one
 * @throws StorageError, RetryableError when a directory cannot be read; one that is not there has no objects
 */
export function* walkObjects(root: string, prefix: string, after: string): Generator<ObjectInfo> {
  const depth = prefix.split("/").length;
  for (const { name, isDirectory } of namesIn(join(root, prefix))) {
    const key = prefix + name;
    if (isDirectory) {
      const mayHoldLater = key > after || after.startsWith(key);
      if (depth < MAX_DEPTH && mayHoldLater) yield* walkObjects(root, key, after);
    } else if (key > after) {
      const found = statFile(join(root, key));
      if (found !== undefined) yield { key, bytes: found.size };
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
    const isDirectory =
      entry.isDirectory() || (entry.isSymbolicLink() && leadsToDirectory(join(directory, entry.name)));
    names.push({ name: isDirectory ? `${entry.name}/` : entry.name, isDirectory });
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

function leadsToDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
