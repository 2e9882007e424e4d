/**
 * Reading a source at any offset: a regular file as it is, anything else (standard input, a pipe, gunzipped bytes) by way of a
 * temporary file, which is removed at close, and on error.
 *
 * @module
 */

import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClosedError, CorruptError, PennonError, UsageError } from "../errors.js";
import { type ByteSource, openForReading } from "./byte-source.js";

export class RandomAccess {
  readonly #name: string;
  readonly size: number;
  /** The file that is read: the source's own, or the temporary one. */
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #directory: string | undefined;
  #bytesRead = 0;
  #closed = false;

  private constructor(name: string, path: string, size: number, handle: FileHandle, directory: string | undefined) {
    this.#name = name;
    this.path = path;
    this.size = size;
    this.#handle = handle;
    this.#directory = directory;
  }

  /** Opens a source whose bytes have not been consumed. @throws UsageError when a stream is longer than `maxSpoolBytes`. */
  static async open(source: ByteSource, maxSpoolBytes: number): Promise<RandomAccess> {
    if (source.path !== undefined && source.totalBytes !== undefined && !source.gunzipped) {
      return new RandomAccess(
        source.name,
        source.path,
        source.totalBytes,
        await openForReading(source.path),
        undefined,
      );
    }
    const directory = await mkdtemp(join(tmpdir(), "pennon-spool-")).catch((error: unknown) => {
      throw unspoolable(source.name, error);
    });
    try {
      const path = join(directory, "input");
      const handle = await open(path, "w+");
      try {
        return new RandomAccess(source.name, path, await spool(source, handle, maxSpoolBytes), handle, directory);
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      source.throwIfAborted();
      throw unspoolable(source.name, error);
    }
  }

  bytesRead(): number {
    return this.#bytesRead;
  }

  /** Counts what was never asked for (footer, padding) as read: nothing more will be. */
  finish(): void {
    this.#bytesRead = this.size;
  }

  /** A copy of the bytes [offset, offset + length). @throws CorruptError when they are not all there. */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#closed) throw new ClosedError(`${this.#name}: the input was closed`);
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw new CorruptError(
        `${this.#name}: ${length} bytes at byte ${offset} lie outside the ${this.size} bytes of the file`,
      );
    }
    const out = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(out, filled, length - filled, offset + filled);
      if (bytesRead === 0) throw new CorruptError(`${this.#name}: the file was cut off while it was read`);
      filled += bytesRead;
    }
    this.#bytesRead += length;
    return out;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#handle.close();
    } finally {
      if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
    }
  }
}

/** The system's error (no space left, a read-only folder) with what it stands in the way of; errors of ours as they are. */
function unspoolable(name: string, error: unknown): unknown {
  if (error instanceof PennonError || !(error instanceof Error)) return error;
  return new UsageError(
    `${name}: cannot be kept in a temporary file in ${tmpdir()}, as data that is read from its end has to be: ${error.message}; set TMPDIR to another folder, or give the path of an uncompressed file`,
    { cause: error },
  );
}

async function spool(source: ByteSource, handle: FileHandle, maxBytes: number): Promise<number> {
  let size = 0;
  for (let chunk = await source.chunk(); chunk !== undefined; chunk = await source.chunk()) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new UsageError(
        `${source.name}: data that is read from its end (Parquet) is kept in a temporary file of at most ${maxBytes} bytes (maxSpoolBytes), and this is longer; give the path of an uncompressed file`,
      );
    }
    await handle.writeFile(chunk);
  }
  return size;
}
