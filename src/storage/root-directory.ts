/**
 * The directory of a local store, known again.
 *
 * Who drops a table removes its directory, and who makes it anew makes another one under the same path. A store that went on writing there
 * would acknowledge what nobody ever reads. So from the moment it has seen or made its directory it remembers device and number of it,
 * and writes nowhere else. The directory is held open meanwhile: a file system may give the number of a removed one to the next.
 *
 * Windows opens no directories, and some file systems there number none: then only that there is one is looked at.
 *
 * @module
 */
import { fstatSync, openSync, statSync } from "node:fs";
import { StorageError } from "../errors.js";
import { closeQuietly } from "./close-quietly.js";
import { isAbsent, readFailure } from "./file-errors.js";

const OPENS_DIRECTORIES = process.platform !== "win32";

interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

export class RootDirectory {
  readonly path: string;
  readonly #seenAt = new Date();
  #identity: Identity | undefined;
  #fd: number | undefined;

  /** @param path absolute; there may be nothing yet */
  constructor(path: string) {
    this.path = path;
    this.see();
  }

  /** Whether the directory is known: it must not be made any more. */
  get isKnown(): boolean {
    return this.#identity !== undefined;
  }

  /** Remembers the directory, if there is one and none is remembered. */
  see(): void {
    if (this.#identity !== undefined) return;
    if (OPENS_DIRECTORIES) {
      try {
        this.#fd = openSync(this.path, "r");
        this.#identity = fstatSync(this.#fd, { bigint: true });
        return;
      } catch {
        // One that may be written and not read: its number has to do.
        this.close();
      }
    }
    this.#identity = this.#find();
  }

  /**
   * To be called before every write.
   *
   * @throws StorageError when the directory that was seen is gone, or another one has its path
   */
  assertSame(): void {
    const known = this.#identity;
    if (known === undefined) {
      this.see();
      return;
    }
    const found = this.#find();
    const numbered = known.ino !== 0n && found?.ino !== 0n;
    if (found !== undefined && (!numbered || (found.ino === known.ino && found.dev === known.dev))) return;
    throw new StorageError(
      `${this.path} was removed or replaced since it was opened at ${this.#seenAt.toISOString()}, as when a table is dropped or made anew. Nothing was written; close and open again.`,
    );
  }

  close(): void {
    if (this.#fd !== undefined) closeQuietly(this.#fd);
    this.#fd = undefined;
  }

  #find(): Identity | undefined {
    try {
      return statSync(this.path, { bigint: true, throwIfNoEntry: false });
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw readFailure(error, `Looking at ${this.path}`);
    }
  }
}
