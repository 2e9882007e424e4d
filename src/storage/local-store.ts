/**
 * Objects as files of a local directory, a key being the path below it.
 *
 * How an object comes to be: the bytes are written to a temporary file beside the final name; fsync of the file; link to the final name,
 * which fails when there is one, and which no reader can see a part of; the temporary name is removed; fsync of the directory, which
 * makes the name durable. What a failure means follows from the step: before the link nothing can be seen (`StorageError`,
 * or `RetryableError` for one that passes), after it the object is there and may or may not survive a loss of power
 * (`OutcomeUnknownError`, for good). A failed fsync is never tried again.
 *
 * All calls are synchronous, inside methods that return promises: for one writer of small files that takes two thirds of the time of
 * the asynchronous ones. So the store belongs into a thread that has nothing else to do.
 *
 * It needs a file system with hard links (ext4, XFS, btrfs, ZFS, APFS, NTFS, NFS, overlayfs); without, `putIfAbsent` is a
 * `StorageError` that says so, as every other way to make a file either replaces one or shows a part of it. The same goes for
 * LanceDB, which writes its log in this way too.
 *
 * @module
 */
import { closeSync, renameSync, statSync, unlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ClosedError, RetryableError, StorageError } from "../errors.js";
import { closeQuietly } from "./close-quietly.js";
import { Directories, OpenDirectory } from "./directories.js";
import { beforeEffect, isAbsent, readFailure } from "./file-errors.js";
import { linkFile } from "./link-file.js";
import { walkObjects } from "./local-list.js";
import { assertObjectBytes, assertRange, totalBytes } from "./object-bytes.js";
import { assertKey, assertLimit, assertPrefix } from "./object-key.js";
import {
  type GetOptions,
  type ListedObject,
  type ListOptions,
  type ObjectInfo,
  ObjectNotFoundError,
  type ObjectStore,
  type PutOptions,
  type RequestOptions,
} from "./object-store.js";
import { openObject, readBytes, statFile } from "./read-object.js";
import { RootDirectory } from "./root-directory.js";
import { openNames, syncContents, syncNames, syncObject, syncUnknown } from "./sync-files.js";
import { removeLeftovers, removeTemporary, type TemporaryFile, TemporaryFiles } from "./temporary-files.js";
import { writeParts } from "./write-parts.js";

/** Beyond so many, directories are prepared anew. */
const MAX_PREPARED = 1024;

export class LocalStore implements ObjectStore {
  readonly name: string;
  readonly #root: RootDirectory;
  readonly #directories: Directories;
  readonly #temporaries = new TemporaryFiles();
  /** Directories that are there and were cleaned of leftovers. */
  readonly #prepared = new Set<string>();
  #closed = false;

  /**
   * @param directory where the objects are; it is made by the first put, with those above it, where it is missing. Once it was there,
   * it is not made again: when it is removed or replaced, nothing is written any more, and every write is a `StorageError`
   */
  constructor(directory: string) {
    this.name = resolve(directory);
    this.#root = new RootDirectory(this.name);
    this.#directories = new Directories(this.#root);
  }

  async putIfAbsent(key: string, parts: readonly Uint8Array[], options: PutOptions = {}): Promise<void> {
    this.#begin(options.signal);
    const path = this.#pathFor(key, parts);
    this.#root.assertSame();
    const durable = options.durable ?? true;
    // A temporary file that somebody removed, or a directory that was made anew, is met once and overcome by starting over.
    if (!this.#create(path, parts, durable) && !this.#create(path, parts, durable))
      throw new RetryableError(
        `Linking ${path}: its temporary file is removed by somebody. Nothing was written; try again.`,
      );
  }

  async put(key: string, parts: readonly Uint8Array[], options: RequestOptions = {}): Promise<void> {
    this.#begin(options.signal);
    const path = this.#pathFor(key, parts);
    this.#root.assertSame();
    const directory = dirname(path);
    const temporary = this.#writeTemporary(this.#openTemporary(directory, false), parts, false);
    try {
      renameSync(temporary, path);
    } catch (error) {
      removeTemporary(temporary);
      throw beforeEffect(error, `Renaming to ${path}`);
    }
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    this.#begin(options.signal);
    assertKey(key);
    return this.#read(key, 0, Number.POSITIVE_INFINITY, options);
  }

  async getRange(key: string, start: number, end: number, options: GetOptions = {}): Promise<Uint8Array> {
    this.#begin(options.signal);
    assertKey(key);
    assertRange(key, start, end);
    return this.#read(key, start, end, options);
  }

  async head(key: string, options: RequestOptions = {}): Promise<ObjectInfo | undefined> {
    this.#begin(options.signal);
    assertKey(key);
    const found = statFile(join(this.name, key));
    return found && { key, bytes: found.size };
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListedObject, void, undefined> {
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    this.#begin(options.signal);
    assertPrefix(prefix);
    assertLimit(limit);
    let left = limit;
    if (left === 0) return;
    for (const info of walkObjects(this.name, prefix, options.startAfter ?? "")) {
      this.#begin(options.signal);
      yield info;
      if (--left === 0) return;
    }
  }

  async delete(key: string, options: RequestOptions = {}): Promise<void> {
    this.#begin(options.signal);
    assertKey(key);
    const path = join(this.name, key);
    try {
      unlinkSync(path);
    } catch (error) {
      // A directory is no object either; what unlink says of one differs from system to system.
      if (isAbsent(error) || isDirectory(path)) return;
      throw readFailure(error, `Removing ${path}`);
    }
  }

  async sync(keys: readonly string[], options: RequestOptions = {}): Promise<void> {
    this.#begin(options.signal);
    for (const key of keys) assertKey(key);
    this.#root.assertSame();
    const directories = new Set<string>();
    for (const key of new Set(keys)) {
      const path = join(this.name, key);
      syncObject(path);
      directories.add(dirname(path));
    }
    for (const directory of directories) this.#syncDirectory(directory);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#temporaries.close();
    this.#root.close();
  }

  #begin(signal: AbortSignal | undefined): void {
    if (this.#closed) throw new ClosedError(`The store ${this.name} is closed: open another.`);
    signal?.throwIfAborted();
  }

  #pathFor(key: string, parts: readonly Uint8Array[]): string {
    assertKey(key);
    totalBytes(key, parts);
    return join(this.name, key);
  }

  /** False when the temporary file, or its directory, was gone before it could become an object. */
  #create(path: string, parts: readonly Uint8Array[], durable: boolean): boolean {
    const directory = dirname(path);
    const temporary = this.#writeTemporary(this.#openTemporary(directory, true), parts, durable);
    const names = this.#link(temporary, path, durable);
    if (names === undefined) {
      this.#prepared.delete(directory);
      return false;
    }
    syncNames(names, path);
    this.#temporaries.prepareNext(directory);
    return true;
  }

  /** Gives the file its final name in place of the temporary one. Returns the directory, whose names may have to be made durable. */
  #link(temporary: string, path: string, durable: boolean): OpenDirectory | undefined {
    const directory = dirname(path);
    let names: OpenDirectory | undefined;
    let linked = false;
    try {
      if (durable) this.#directories.makeDurable(directory);
      names = durable ? openNames(directory) : OpenDirectory.without();
      linked = names !== undefined && linkFile(temporary, path);
      return linked ? names : undefined;
    } finally {
      if (!linked) names?.close();
      removeTemporary(temporary);
    }
  }

  /** The path of a file with these bytes, closed. */
  #writeTemporary({ path, fd }: TemporaryFile, parts: readonly Uint8Array[], durable: boolean): string {
    let open = true;
    try {
      writeParts(fd, parts);
      if (durable) syncContents(fd, path);
      open = false;
      closeSync(fd);
      return path;
    } catch (error) {
      if (open) closeQuietly(fd);
      removeTemporary(path);
      throw error instanceof StorageError ? error : beforeEffect(error, `Writing ${path}`);
    }
  }

  /** @param spare whether it may be one that was made ahead, and whose directory may be gone */
  #openTemporary(directory: string, spare: boolean): TemporaryFile {
    if (!this.#prepared.has(directory)) this.#prepare(directory);
    try {
      return spare ? this.#temporaries.take(directory) : this.#temporaries.make(directory);
    } catch (error) {
      if (!isAbsent(error)) throw beforeEffect(error, `Making a file in ${directory}`);
    }
    this.#prepare(directory);
    try {
      return this.#temporaries.make(directory);
    } catch (error) {
      throw beforeEffect(error, `Making a file in ${directory}`);
    }
  }

  #prepare(directory: string): void {
    this.#directories.make(directory);
    removeLeftovers(directory);
    if (this.#prepared.size >= MAX_PREPARED) this.#prepared.clear();
    this.#prepared.add(directory);
  }

  #syncDirectory(directory: string): void {
    let names: OpenDirectory | undefined;
    try {
      this.#directories.makeDurable(directory);
      names = openNames(directory);
    } catch (error) {
      throw error instanceof StorageError ? syncUnknown(error.cause, directory) : error;
    }
    if (names === undefined)
      throw new ObjectNotFoundError(`The directory ${directory} is gone, with the objects in it.`);
    syncNames(names, directory);
  }

  #read(key: string, start: number, end: number, options: GetOptions): Uint8Array {
    const path = join(this.name, key);
    const { fd, bytes } = openObject(path, "r");
    try {
      const from = Math.min(start, bytes);
      const to = Math.min(end, bytes);
      assertObjectBytes(key, to - from);
      return readBytes(fd, path, from, to, options.into);
    } finally {
      closeQuietly(fd);
    }
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false;
  }
}
