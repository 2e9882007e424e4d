/**
 * Files under names that no reader looks at, on their way to become objects.
 *
 * A name is `.tmp-<pid>-<12 hex digits of the store>-<number>`: no key, so no listing tells of it; unique among all stores of all
 * processes; and it says whose it is. A process that dies leaves its files behind. They are removed by whoever writes into the directory
 * for the first time, when they are older than an hour and their process is gone; a bounded number each time, as
 * removing files by the thousand slows down the making of others for a minute.
 *
 * Making a file costs a sixth of what it takes to make an object of it durable, and several times as much for a minute after
 * many files were removed. So one spare is made ahead, when nothing else is to do, in a directory written to twice in a row.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { opendirSync, openSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { closeQuietly } from "./close-quietly.js";

/** Names looked at, and files removed, in one directory by one store. */
const MAX_LOOKED_AT = 65_536;
const MAX_REMOVED = 64;
/** Leftovers younger than this may belong to a process of another machine, or container, on the same disk. */
const LEAST_AGE_MS = 60 * 60 * 1000;

const NAME = /^\.tmp-(\d{1,10})-[0-9a-f]{12}-\d{1,16}$/;

/** A file open for writing, empty, under a name of its own. */
export interface TemporaryFile {
  readonly path: string;
  readonly fd: number;
}

interface Spare extends TemporaryFile {
  readonly directory: string;
}

export class TemporaryFiles {
  readonly #prefix = `.tmp-${process.pid}-${randomBytes(6).toString("hex")}-`;
  #made = 0;
  #spare: Spare | undefined;
  /** Directory the last file was taken for. */
  #last: string | undefined;
  #pending: NodeJS.Immediate | undefined;

  /**
   * A file in the directory, perhaps the spare; to be closed by the caller and removed by {@link removeTemporary}.
   *
   * @throws the system's own error
   */
  take(directory: string): TemporaryFile {
    const spare = this.#spare;
    if (spare?.directory === directory) {
      this.#spare = undefined;
      return spare;
    }
    return this.make(directory);
  }

  /** The same, made now in any case. */
  make(directory: string): TemporaryFile {
    const path = join(directory, `${this.#prefix}${this.#made++}`);
    return { path, fd: openSync(path, "wx") };
  }

  /** To be called when a file was taken and done with: makes the next one once the thread has nothing else to do. */
  prepareNext(directory: string): void {
    const again = this.#last === directory;
    this.#last = directory;
    if (!again || this.#spare?.directory === directory || this.#pending !== undefined) return;
    this.#pending = setImmediate(() => {
      this.#pending = undefined;
      this.#prepare(directory);
    });
    this.#pending.unref();
  }

  /** Removes the spare, if there is one. */
  close(): void {
    if (this.#pending !== undefined) clearImmediate(this.#pending);
    this.#pending = undefined;
    this.#discardSpare();
  }

  #prepare(directory: string): void {
    this.#discardSpare();
    try {
      this.#spare = { ...this.make(directory), directory };
    } catch {
      // Whatever it is, the next write meets it again and says so.
    }
  }

  #discardSpare(): void {
    if (this.#spare === undefined) return;
    closeQuietly(this.#spare.fd);
    removeTemporary(this.#spare.path);
    this.#spare = undefined;
  }
}

/** Removes a temporary file. One that stays is no failure: it is removed as a leftover some day. */
export function removeTemporary(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // See above.
  }
}

/**
 * Removes what dead processes have left in the directory.
 *
 * @param nowMs the time, as the file system's clock has it
 */
export function removeLeftovers(directory: string, nowMs: number = Date.now()): void {
  try {
    const opened = opendirSync(directory, { bufferSize: 1024 });
    try {
      let removed = 0;
      for (let looked = 0; looked < MAX_LOOKED_AT && removed < MAX_REMOVED; looked++) {
        const entry = opened.readSync();
        if (entry === null) return;
        if (isLeftover(directory, entry.name, nowMs)) {
          removeTemporary(join(directory, entry.name));
          removed++;
        }
      }
    } finally {
      opened.closeSync();
    }
  } catch {
    // Cleaning is a courtesy; what stands in its way will stand in the way of a write.
  }
}

function isLeftover(directory: string, name: string, nowMs: number): boolean {
  const pid = NAME.exec(name)?.[1];
  if (pid === undefined) return false;
  const modifiedMs = statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs;
  return modifiedMs !== undefined && nowMs - modifiedMs > LEAST_AGE_MS && !mayLive(Number(pid), modifiedMs, nowMs);
}

/** Whether a process that was there at that time, under this id, may still be. */
function mayLive(pid: number, atMs: number, nowMs: number): boolean {
  // In a container every process has the same id, and so had the one that left this file.
  if (pid === process.pid) return atMs > nowMs - process.uptime() * 1000;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
