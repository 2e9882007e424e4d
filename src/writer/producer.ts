/**
 * A producer: puts rows from another thread than the writer's.
 *
 * Rows are encoded, and batches copied, in the producer's thread. At most `maxPuts` puts and `maxBytes` bytes are on their way to the
 * writer; further ones wait here, in order, until replies come back.
 *
 * @module
 */

import type { Schema } from "apache-arrow";
import { StorageRows } from "../arrow/rows/storage-rows.js";
import { decodeSchemaMessage } from "../arrow/schema.js";
import { ClosedError, FullError, OutcomeUnknownError, UsageError } from "../errors.js";
import { fromPlainError } from "./plain-error.js";
import type { Position } from "./position.js";
import { type FromProducer, type ProducerHandle, packBatch, type ToProducer } from "./producer-messages.js";
import type { PutOptions, PutRows } from "./put-options.js";
import { deleteRows, putRows, type RowsInput } from "./put-rows.js";
import { StorageBatches } from "./storage-batch.js";

/** How a producer puts. */
export interface ProducerPutOptions extends PutOptions {
  /**
   * Give the batch's memory away instead of copying it: the caller's arrays, and all that share their buffers, are empty afterwards.
   * @default false
   */
  readonly transfer?: boolean;
}

/** Puts that may wait for credit. */
const MAX_WAITING = 65_536;
/** How many times `maxBytes` they may hold. */
const WAITING_CREDITS = 4;

interface Put {
  readonly message: FromProducer & { readonly kind: "put" };
  readonly transfer: readonly ArrayBuffer[];
  readonly signal: AbortSignal | undefined;
  readonly resolve: (position: Position) => void;
  readonly reject: (reason: unknown) => void;
  readonly onAbort: () => void;
}

export class Producer {
  readonly #handle: ProducerHandle;
  readonly #storageSchema: Schema;
  readonly #batches: StorageBatches;
  readonly #rows: StorageRows;
  readonly #waiting: Put[] = [];
  readonly #sent = new Map<number, Put>();
  readonly #drained: (() => void)[] = [];
  #nextId = 1;
  #sentBytes = 0;
  #waitingBytes = 0;
  #closing = false;
  #end: Error | undefined;

  private constructor(handle: ProducerHandle) {
    this.#handle = handle;
    this.#storageSchema = decodeSchemaMessage(handle.storageMessage);
    const schema = decodeSchemaMessage(handle.schemaMessage);
    this.#batches = new StorageBatches(schema, this.#storageSchema);
    this.#rows = new StorageRows(this.#storageSchema, handle.primaryKey, { table: schema });
    const { port } = handle;
    port.on("message", (message: ToProducer) => this.#onMessage(message));
    port.on("messageerror", (error) => this.#onLost(`a reply could not be read: ${error.message}`));
    port.on("close", () => this.#onLost("the writer's thread has ended"));
    port.unref();
  }

  /** @throws UsageError when the value is not a producer's handle */
  static attach(handle: ProducerHandle): Producer {
    if (typeof handle !== "object" || handle === null || handle.kind !== "pennon.Producer") {
      throw new UsageError(
        "the value is not a producer's handle; expected the result of producer(), posted with its port transferred",
      );
    }
    return new Producer(handle);
  }

  /** As `ShardWriter.put`; resolves when the writer's put does. */
  put(rows: RowsInput, options: ProducerPutOptions = {}): Promise<Position> {
    return this.#put(() => putRows(rows, this.#batches), options);
  }

  /** As `ShardWriter.delete`. */
  delete(keys: readonly unknown[], options: PutOptions = {}): Promise<Position> {
    return this.#put(() => deleteRows(keys), options);
  }

  /** Waits for all puts made so far and gives the handle up. */
  async close(): Promise<void> {
    this.#closing = true;
    while (this.#end === undefined && this.#sent.size + this.#waiting.length > 0) {
      await new Promise<void>((resolve) => this.#drained.push(resolve));
    }
    this.#end ??= new ClosedError("the producer is closed");
    this.#handle.port.close();
  }

  #put(rows: () => PutRows, options: ProducerPutOptions): Promise<Position> {
    return new Promise((resolve, reject) => {
      const { signal, durability = "disk", counters, transfer = false } = options;
      signal?.throwIfAborted();
      if (this.#end !== undefined) throw this.#end;
      if (this.#closing) throw new ClosedError("the producer is closed");
      if (this.#waiting.length >= MAX_WAITING) {
        throw new FullError(`${MAX_WAITING} puts wait for the writer, as many as may; wait for some`, "puts");
      }
      const packed = this.#pack(rows(), transfer);
      const waitingBytes = this.#waitingBytes + packed.content.bytes;
      if (this.#waiting.length > 0 && waitingBytes > WAITING_CREDITS * this.#handle.maxBytes) {
        throw new FullError(`${this.#waitingBytes} bytes of puts wait for the writer; wait for some`, "bytes");
      }
      const id = this.#nextId++;
      const message = { kind: "put" as const, id, ...packed.content, durability, counters };
      const onAbort = (): void => this.#abort(put);
      const put: Put = { message, transfer: packed.transfer, signal, resolve, reject, onAbort };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(put);
      this.#waitingBytes = waitingBytes;
      this.#send();
    });
  }

  #pack(rows: PutRows, transfer: boolean) {
    const own = rows.kind === "rows";
    const packed = this.#toBatches(rows).map((batch) => packBatch(batch, this.#storageSchema, !own && !transfer));
    return {
      content: { batches: packed.map(({ plain }) => plain), bytes: packed.reduce((sum, { bytes }) => sum + bytes, 0) },
      transfer: [...new Set(packed.flatMap(({ buffers }) => [...buffers]))],
    };
  }

  #toBatches(rows: PutRows) {
    if (rows.kind === "batches") return rows.batches;
    const mark = this.#rows.mark();
    try {
      rows.encode(this.#rows);
    } catch (error) {
      this.#rows.rollback(mark);
      throw error;
    }
    return this.#rows.rows === 0 ? [] : [this.#rows.finish()];
  }

  #send(): void {
    const { maxPuts, maxBytes, port } = this.#handle;
    while (this.#sent.size < maxPuts && (this.#sentBytes < maxBytes || this.#sent.size === 0)) {
      const put = this.#waiting.shift();
      if (put === undefined) return;
      this.#waitingBytes -= put.message.bytes;
      try {
        assertAttached(put.transfer); // Node posts what is detached without an error, and the writer would never see it
        port.postMessage(put.message, put.transfer);
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error);
        this.#settle(put).reject(new UsageError(`the put cannot be posted to the writer: ${what}`, { cause: error }));
        continue;
      }
      if (this.#sent.size === 0) port.ref();
      this.#sent.set(put.message.id, put);
      this.#sentBytes += put.message.bytes;
    }
  }

  #abort(put: Put): void {
    const waiting = this.#waiting.indexOf(put);
    if (waiting >= 0) {
      this.#waiting.splice(waiting, 1);
      this.#waitingBytes -= put.message.bytes;
      this.#settle(put).reject(put.signal?.reason);
    } else {
      this.#handle.port.postMessage({ kind: "abort", id: put.message.id } satisfies FromProducer);
    }
  }

  #onMessage(message: ToProducer): void {
    if (message.kind === "closed") {
      this.#onEnd(fromPlainError(message.error), fromPlainError(message.error));
      return;
    }
    for (const reply of message.replies) {
      const put = this.#sent.get(reply.id);
      if (put === undefined) continue;
      this.#sent.delete(reply.id);
      this.#sentBytes -= put.message.bytes;
      this.#settle(put);
      if ("position" in reply) put.resolve(reply.position);
      else put.reject(reply.aborted ? put.signal?.reason : fromPlainError(reply.error));
    }
    this.#send();
    if (this.#sent.size === 0) {
      this.#handle.port.unref();
      for (const resolve of this.#drained.splice(0)) resolve();
    }
  }

  #onLost(reason: string): void {
    this.#onEnd(
      new OutcomeUnknownError(`${reason}; the rows may have been written`),
      new ClosedError(`${reason}; the rows were not sent`),
    );
  }

  /** @param ofSent what puts fail with that the writer may have had @param ofOthers all others, later ones too */
  #onEnd(ofSent: Error, ofOthers: Error): void {
    this.#end ??= ofOthers;
    for (const put of this.#sent.values()) this.#settle(put).reject(ofSent);
    for (const put of this.#waiting.splice(0)) this.#settle(put).reject(ofOthers);
    this.#waitingBytes = 0;
    this.#sent.clear();
    this.#handle.port.unref();
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #settle(put: Put): Put {
    put.signal?.removeEventListener("abort", put.onAbort);
    return put;
  }
}

/** @throws TypeError when one of them was transferred before */
function assertAttached(buffers: readonly ArrayBuffer[]): void {
  for (const buffer of buffers) new Uint8Array(buffer);
}
