/**
 * Directories of objects, to be looked at and removed piece by piece.
 *
 * An object store knows no directories; a local disk does, and what lies in them need not be an object (names that are no keys,
 * leftovers of others), nor go away with the last of them. So there are two: {@link storeTree} and {@link localTree}.
 *
 * @module
 */
import { readdir, rmdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { failureCode, isAbsent, readFailure } from "./file-errors.js";
import type { ObjectStore } from "./object-store.js";

/** Something in a directory. */
export interface TreeItem {
  /** Path relative to the root. */
  readonly key: string;
  readonly bytes: number;
  /** True for a directory, which is empty once what comes before it is removed. */
  readonly isDirectory: boolean;
}

export interface ObjectTree {
  /** Names of the directories directly below the root, in order. */
  directories(): Promise<string[]>;
  /** All that lies in a directory, in the order in which it can be removed; the directory itself comes last, if it is a thing of its own. */
  items(directory: string): AsyncIterable<TreeItem>;
  /** Removes one; what is gone already is no error. @throws StorageError, RetryableError */
  remove(item: TreeItem): Promise<void>;
}

/** Behind all keys that start with a directory's name and a slash: no key has this character. */
const LAST = "~";
/** Names below one root that are looked at. */
const MAX_DIRECTORIES = 65_536;
/** Directories in each other. */
const MAX_DEPTH = 16;

/** Of any store. */
export function storeTree(store: ObjectStore): ObjectTree {
  return {
    async directories() {
      const names: string[] = [];
      for (let after = ""; names.length < MAX_DIRECTORIES; ) {
        const key = await firstKey(store, after);
        if (key === undefined) break;
        const slash = key.indexOf("/");
        if (slash > 0) names.push(key.slice(0, slash));
        after = slash > 0 ? `${key.slice(0, slash)}/${LAST}` : key;
      }
      return names;
    },
    async *items(directory) {
      for await (const { key } of store.list(`${directory}/`)) {
        yield { key, bytes: (await store.head(key))?.bytes ?? 0, isDirectory: false };
      }
    },
    remove: ({ key }) => store.delete(key),
  };
}

/** Of a directory on disk. */
export function localTree(root: string): ObjectTree {
  return {
    async directories() {
      const entries = await entriesOf(root);
      const found = entries.filter((entry) => entry.isDirectory());
      return found
        .map(({ name }) => name)
        .sort()
        .slice(0, MAX_DIRECTORIES);
    },
    items: (directory) => walk(root, directory, 0),
    async remove({ key, isDirectory }) {
      const path = join(root, key);
      try {
        await (isDirectory ? rmdir(path) : unlink(path));
      } catch (error) {
        // Somebody may be putting a file there: then the directory is for the next one who comes to remove it.
        if (isAbsent(error) || (isDirectory && failureCode(error) === "ENOTEMPTY")) return;
        throw readFailure(error, `Removing ${path}`);
      }
    },
  };
}

async function firstKey(store: ObjectStore, after: string): Promise<string | undefined> {
  for await (const { key } of store.list("", { startAfter: after, limit: 1 })) return key;
  return undefined;
}

async function* walk(root: string, directory: string, depth: number): AsyncGenerator<TreeItem, void, undefined> {
  for (const entry of await entriesOf(join(root, directory))) {
    const key = `${directory}/${entry.name}`;
    if (entry.isDirectory() && depth < MAX_DEPTH) yield* walk(root, key, depth + 1);
    else yield { key, bytes: await sizeOf(join(root, key)), isDirectory: false };
  }
  yield { key: directory, bytes: 0, isDirectory: true };
}

async function entriesOf(directory: string): ReturnType<typeof readEntries> {
  try {
    return await readEntries(directory);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw readFailure(error, `Listing ${directory}`);
  }
}

function readEntries(directory: string) {
  return readdir(directory, { withFileTypes: true });
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    // Gone, or a link that leads nowhere.
    if (isAbsent(error)) return 0;
    throw readFailure(error, `Looking at ${path}`);
  }
}
