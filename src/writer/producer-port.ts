/**
 * The writer's end of a producer: takes its puts in the order they come, and replies when they are settled.
 *
 * @module
 */
import type { MessagePort } from "node:worker_threads";
import type { Schema } from "apache-arrow";
import { ClosedError, OutcomeUnknownError } from "../errors.js";
import { toPlainError } from "./plain-error.js";
import { type FromProducer, type ProducerReply, type ToProducer, unpackBatch } from "./producer-messages.js";
import type { WriteBatchHandler } from "./write-batch-handler.js";

export class ProducerPort {
  readonly #port: MessagePort;
  readonly #handler: WriteBatchHandler;
  readonly #schema: Schema;
  readonly #aborts = new Map<number, AbortController>();
  #replies: ProducerReply[] = [];

  /** @param schema the storage schema @param onClose called when the producer is gone */
  constructor(port: MessagePort, handler: WriteBatchHandler, schema: Schema, onClose: (port: ProducerPort) => void) {
    this.#port = port;
    this.#handler = handler;
    this.#schema = schema;
    port.on("message", (message: FromProducer) => this.#onMessage(message));
    port.on("messageerror", (error) => this.#end(new OutcomeUnknownError(`a put could not be read: ${error.message}`)));
    port.on("close", () => onClose(this));
    port.unref(); // a producer keeps its own thread alive, and a put in progress this one
  }

  /** Waits until all its puts are settled, which the handler sees to, and tells the producer that the writer is closed. */
  async close(): Promise<void> {
    while (this.#aborts.size > 0) await new Promise(setImmediate);
    this.#flush();
    this.#end(new ClosedError("the writer is closed"));
  }

  #end(error: Error): void {
    this.#port.postMessage({ kind: "closed", error: toPlainError(error) } satisfies ToProducer);
    this.#port.close();
  }

  #onMessage(message: FromProducer): void {
    const { id } = message;
    if (message.kind === "abort") {
      this.#aborts.get(id)?.abort();
      return;
    }
    const abort = new AbortController();
    this.#aborts.set(id, abort);
    this.#put(message, abort.signal)
      .then((position) => this.#reply({ id, position }))
      .catch((error: unknown) =>
        this.#reply({ id, error: toPlainError(error), aborted: error === abort.signal.reason }),
      );
  }

  async #put(message: FromProducer & { readonly kind: "put" }, signal: AbortSignal): Promise<string> {
    const batches = message.batches.map((batch) => unpackBatch(batch, this.#schema));
    const rows = batches.reduce((sum, batch) => sum + batch.numRows, 0);
    const { durability, counters, bytes } = message;
    const options = counters === undefined ? { durability, signal } : { durability, signal, counters };
    return this.#handler.put({ kind: "batches", batches, rows, bytes }, options);
  }

  /** Replies of one turn of the event loop go as one message. */
  #reply(reply: ProducerReply): void {
    this.#aborts.delete(reply.id);
    if (this.#replies.push(reply) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (this.#replies.length === 0) return;
    this.#port.postMessage({ kind: "replies", replies: this.#replies } satisfies ToProducer);
    this.#replies = [];
  }
}
