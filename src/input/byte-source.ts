/**
 * A forward reader of bytes over a file, a pipe or a stream, optionally gunzipped.
 *
 * - Memory is bounded by what is asked for: chunks are pulled one at a time, and `read(n)` allocates as bytes arrive, never
 *   because a length field said so.
 * - `read` returns its own copy that starts at offset 0 of a fresh ArrayBuffer, so typed arrays can be laid over it.
 * - `position` counts bytes consumed after gunzip (what error messages name), `bytesRead` those pulled from the source.
 *
 * @module
 */

import { type FileHandle, open } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip, type Gunzip } from "node:zlib";
import { ClosedError, CorruptError, PennonError, UsageError } from "../errors.js";
import type { InputSource } from "./input.js";

const CHUNK_BYTES = 1024 * 1024;

/** Runs once, when the source is closed. */
type Release = () => Promise<void>;

export class ByteSource {
  readonly name: string;
  /** Size of a regular file in bytes, as stored; undefined for pipes and streams. */
  readonly totalBytes: number | undefined;
  /** The path when this is a regular file, which can then also be read at random. */
  readonly path: string | undefined;
  #chunks: AsyncIterator<Uint8Array, unknown>;
  readonly #release: Release;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #inner: { pending: Uint8Array[]; chunks: AsyncIterator<Uint8Array, unknown>; gunzip: Gunzip } | undefined;
  #ended = false;
  #closed = false;
  #position = 0;
  #bytesRead = 0;

  private constructor(
    name: string,
    place: { path: string | undefined; totalBytes: number | undefined },
    chunks: AsyncIterable<unknown>,
    release: Release,
    signal: AbortSignal | undefined,
  ) {
    this.name = name;
    this.path = place.path;
    this.totalBytes = place.totalBytes;
    this.#chunks = this.#count(chunks);
    this.#release = release;
    this.#signal = signal;
    this.#onAbort = () => void this.close().catch(() => {});
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * Opens a path or takes over a stream. Errors name it by `shownName` when that is given.
   *
   * @throws UsageError when the path is missing, a directory, unreadable or empty.
   */
  static async open(source: InputSource, signal: AbortSignal | undefined, shownName?: string): Promise<ByteSource> {
    signal?.throwIfAborted();
    if ("stream" in source) {
      const { stream, name } = source;
      const release = async () => {
        stream.destroy();
      };
      return new ByteSource(name, { path: undefined, totalBytes: undefined }, stream, release, signal);
    }
    const { path } = source;
    const handle = await openForReading(path);
    try {
      const stat = await handle.stat();
      if (stat.isDirectory()) throw new UsageError(`${path}: is a directory; expected a file`);
      const regular = stat.isFile();
      if (regular && stat.size === 0) throw new UsageError(`${path}: the file is empty`);
      const place = { path: regular ? path : undefined, totalBytes: regular ? stat.size : undefined };
      return new ByteSource(shownName ?? path, place, fileChunks(handle), () => handle.close(), signal);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes consumed so far (after gunzip). */
  get position(): number {
    return this.#position;
  }

  get gunzipped(): boolean {
    return this.#inner !== undefined;
  }

  /** Bytes pulled from the file or stream so far (before gunzip). */
  bytesRead(): number {
    return this.#bytesRead;
  }

  /** From here on, what is read is what the rest of the source gunzips to. Call before anything was consumed. */
  gunzip(): void {
    const rest = Readable.from(this.#rest(), { objectMode: false });
    const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
    // Errors reach whoever iterates the gunzip stream, so the callback has nothing to do.
    pipeline(rest, gunzip, () => {});
    this.#inner = { pending: this.#pending, chunks: this.#chunks, gunzip };
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#ended = false;
    this.#chunks = iterateBytes(gunzip, this.name);
  }

  async *#rest(): AsyncGenerator<Uint8Array> {
    const inner = this.#inner;
    if (inner === undefined) return;
    yield* inner.pending;
    for (;;) {
      const next = await inner.chunks.next();
      if (next.done === true) return;
      yield next.value;
    }
  }

  /** The next bytes, up to `count`, without consuming them: fewer only at the end. A view, valid until the next call. */
  async peek(count: number): Promise<Uint8Array> {
    while (this.#pendingBytes < count && (await this.#pull())) {}
    const first = this.#pending[0];
    if (first === undefined) return new Uint8Array(0);
    if (first.length >= count || this.#pending.length === 1) return first.subarray(0, count);
    const joined = Buffer.concat(this.#pending);
    this.#pending = [joined];
    return joined.subarray(0, count);
  }

  /** Consumes and copies `count` bytes: fewer only at the end. */
  async read(count: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#pendingBytes < count && (await this.#pull())) {}
    const out = new Uint8Array(Math.min(count, this.#pendingBytes));
    let filled = 0;
    while (filled < out.length) {
      const chunk = this.#pending[0];
      if (chunk === undefined) break;
      const part = chunk.subarray(0, out.length - filled);
      out.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) this.#pending.shift();
      else this.#pending[0] = chunk.subarray(part.length);
    }
    this.#pendingBytes -= filled;
    this.#position += filled;
    return out;
  }

  /** Consumes the next chunk, of whatever size it comes in; undefined at the end. */
  async chunk(): Promise<Uint8Array | undefined> {
    if (this.#pendingBytes === 0 && !(await this.#pull())) return undefined;
    const chunk = this.#pending.shift();
    if (chunk === undefined) return undefined;
    this.#pendingBytes -= chunk.length;
    this.#position += chunk.length;
    return chunk;
  }

  /** @throws the signal's reason when it is aborted */
  throwIfAborted(): void {
    this.#signal?.throwIfAborted();
  }

  /** Frees the handle or destroys the stream; later reads throw `ClosedError`, or the signal's reason. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#inner?.gunzip.destroy();
    await this.#release();
  }

  /** Appends the next chunk to what is pending; false at the end. */
  async #pull(): Promise<boolean> {
    this.#checkOpen();
    if (this.#ended) return false;
    let next: IteratorResult<Uint8Array, unknown>;
    try {
      next = await this.#chunks.next();
    } catch (error) {
      this.#checkOpen();
      if (error instanceof PennonError) throw error;
      throw new UsageError(`${this.name}: cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
    this.#checkOpen();
    if (next.done === true) {
      this.#ended = true;
      return false;
    }
    if (next.value.length > 0) {
      this.#pending.push(next.value);
      this.#pendingBytes += next.value.length;
    }
    return true;
  }

  #checkOpen(): void {
    this.#signal?.throwIfAborted();
    if (this.#closed) throw new ClosedError(`${this.name}: the input was closed`);
  }

  async *#count(chunks: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      if (!(bytes instanceof Uint8Array)) throw new UsageError(`${this.name}: the stream must give bytes`);
      this.#bytesRead += bytes.length;
      yield bytes;
    }
  }
}

/** Opens a file, with an error of its own for each thing that can be wrong with a path. */
export async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw new UsageError(`${path}: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  if (code === "EACCES" || code === "EPERM") return "may not be read (permission denied)";
  if (code === "EISDIR") return "is a directory; expected a file";
  return `cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
}

async function* fileChunks(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = new Uint8Array(CHUNK_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* iterateBytes(stream: AsyncIterable<unknown>, name: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream) if (chunk instanceof Uint8Array) yield chunk;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!code.startsWith("Z_")) throw error;
    const what = error instanceof Error ? error.message : code;
    throw new CorruptError(`${name}: the gzip data is damaged or cut off (${what})`, { cause: error });
  }
}
