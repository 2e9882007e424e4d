/**
 * The directories of a local store: made when they are missing, and known to be durable themselves.
 *
 * An object survives a loss of power only if every directory on the way to it does. Making a directory durable is an fsync of the one
 * that holds its name; who made it does not matter, as its maker may have died before that fsync. So the first durable write into
 * a directory makes the whole way durable, up to the root of the file system, once in the life of a store. A directory above
 * the store's that may not be opened is passed over: this process cannot have made anything in it.
 *
 * Windows has no fsync of a directory: NTFS logs names in order, and nothing is done. Where a file system says that it knows
 * none, nothing more can be done either.
 *
 * @module
 */
import { fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { closeQuietly } from "./close-quietly.js";
import { beforeEffect, failureCode, isWithoutDirectorySync, syncFailure } from "./file-errors.js";
import type { RootDirectory } from "./root-directory.js";

/** Beyond so many, all are forgotten and looked at again: a log has two. */
const MAX_KNOWN = 1024;

const SYNCS_DIRECTORIES = process.platform !== "win32";

export class Directories {
  readonly #root: RootDirectory;
  /** Directories whose own names, and those of all above them, are durable. */
  readonly #durable = new Set<string>();

  /** @param root the store's directory */
  constructor(root: RootDirectory) {
    this.#root = root;
  }

  /**
   * Makes the directory and those above it, where they are missing; but not the store's own a second time.
   *
   * @param directory the store's, or one below it
   * @throws StorageError, RetryableError
   */
  make(directory: string): void {
    // Whatever is missing now may have been known before, under a directory that somebody removed.
    this.#durable.clear();
    try {
      if (this.#root.isKnown) this.#makeBelowRoot(directory);
      else mkdirSync(directory, { recursive: true });
    } catch (error) {
      this.#root.assertSame();
      throw beforeEffect(error, `Making the directory ${directory}`);
    }
    this.#root.see();
  }

  /** One after the other: where the store's own has just been removed, the first of them fails. */
  #makeBelowRoot(directory: string): void {
    if (directory === this.#root.path) return;
    this.#makeBelowRoot(dirname(directory));
    try {
      mkdirSync(directory);
    } catch (error) {
      // What is in the way and no directory is met by whoever wants to write into it.
      if (failureCode(error) !== "EEXIST") throw error;
    }
  }

  /**
   * Makes the names of the directory and of all above it durable, unless that was done before.
   *
   * @throws StorageError when the system could not
   */
  makeDurable(directory: string): void {
    if (!SYNCS_DIRECTORIES || this.#durable.has(directory)) return;
    for (let at = directory; at !== dirname(at) && !this.#durable.has(at); at = dirname(at)) this.#syncAbove(at);
    if (this.#durable.size >= MAX_KNOWN) this.#durable.clear();
    this.#durable.add(directory);
  }

  #syncAbove(directory: string): void {
    const parent = dirname(directory);
    let opened: OpenDirectory | undefined;
    try {
      opened = OpenDirectory.open(parent);
      opened.sync();
    } catch (error) {
      if (opened !== undefined) throw syncFailure(error, `Making the name of ${directory} durable`);
      const foreign = directory.length <= this.#root.path.length;
      if (foreign && (failureCode(error) === "EACCES" || failureCode(error) === "EPERM")) return;
      throw beforeEffect(error, `Opening ${parent}`);
    } finally {
      opened?.close();
    }
  }
}

/** A directory opened for the fsync of the names in it. */
export class OpenDirectory {
  readonly #fd: number | undefined;

  private constructor(fd: number | undefined) {
    this.#fd = fd;
  }

  /** @throws the system's own error */
  static open(directory: string): OpenDirectory {
    return new OpenDirectory(SYNCS_DIRECTORIES ? openSync(directory, "r") : undefined);
  }

  /** Stands for a directory whose names need not be durable. */
  static without(): OpenDirectory {
    return new OpenDirectory(undefined);
  }

  /** @throws the system's own error */
  sync(): void {
    if (this.#fd === undefined) return;
    try {
      fsyncSync(this.#fd);
    } catch (error) {
      if (!isWithoutDirectorySync(error)) throw error;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeQuietly(this.#fd);
  }
}
