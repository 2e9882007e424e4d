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
import { deleteRows, putRows, type RowsInput } from "./put-rows.js";
import { StorageBatches } from "./storage-batch.js";
import type { PutOptions, PutRows } from "./write-batch-handler.js";

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
  #end: Error | undefined;

  private constructor(handle: ProducerHandle) {
    this.#handle = handle;
    this.#storageSchema = decodeSchemaMessage(handle.storageMessage);
    const schema = decodeSchemaMessage(handle.schemaMessage);
    const required = schema.fields.filter((field) => !field.nullable).map((field) => field.name);
    this.#batches = new StorageBatches(schema, this.#storageSchema);
    this.#rows = new StorageRows(this.#storageSchema, handle.primaryKey, { required });
    const { port } = handle;
    port.on("message", (message: ToProducer) => this.#onMessage(message));
    port.on("close", () => this.#onEnd(new OutcomeUnknownError("the writer's thread has ended")));
    port.unref();
  }

  /** @throws UsageError when the value is not a producer's handle */
  static attach(handle: ProducerHandle): Producer {
    if (typeof handle !== "object" || handle === null || handle.kind !== "pennon.Producer") {
      throw new UsageError(
        "the value is not a producer's handle; expected the result of ShardWriter.producer(), posted with its port transferred",
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
      if (this.#waiting.length >= MAX_WAITING) {
        throw new FullError(`${MAX_WAITING} puts wait for the writer, as many as may; wait for some`, "puts");
      }
      const packed = this.#pack(rows(), transfer);
      const id = this.#nextId++;
      const message = { kind: "put" as const, id, ...packed.content, durability, counters };
      const onAbort = (): void => this.#abort(put);
      const put: Put = { message, transfer: packed.transfer, signal, resolve, reject, onAbort };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(put);
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
      try {
        port.postMessage(put.message, put.transfer);
      } catch (error) {
        this.#settle(put).reject(
          new UsageError(
            `the batch's memory cannot be transferred: ${error instanceof Error ? error.message : error}`,
            {
              cause: error,
            },
          ),
        );
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
      this.#settle(put).reject(put.signal?.reason);
    } else {
      this.#handle.port.postMessage({ kind: "abort", id: put.message.id } satisfies FromProducer);
    }
  }

  #onMessage(message: ToProducer): void {
    if (message.kind === "closed") {
      this.#onEnd(fromPlainError(message.error));
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

  #onEnd(error: Error): void {
    this.#end ??= error;
    for (const put of [...this.#sent.values(), ...this.#waiting.splice(0)]) this.#settle(put).reject(this.#end);
    this.#sent.clear();
    this.#handle.port.unref();
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #settle(put: Put): Put {
    put.signal?.removeEventListener("abort", put.onAbort);
    return put;
  }
}
