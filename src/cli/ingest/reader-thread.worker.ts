/**
 * A reader thread: follows one store after another while they are being written, and tallies every batch in place.
 *
 * @module
 */
import { type MessagePort, parentPort } from "node:worker_threads";
import { UsageError } from "../../errors.js";
import { BatchStore } from "../../store/batch-store.js";
import type { StoreHandle } from "../../store/handle.js";
import { ArenaTallier } from "./arena-statistics.js";
import { ColumnTally } from "./column-tally.js";
import { type FromReader, isToReader } from "./reader-messages.js";

/** Least time between two words about how far it has come. */
const PROGRESS_MS = 50;

if (parentPort === null) {
  throw new UsageError("this module is the body of a reader thread; it is started by `pennon ingest`");
}
listen(parentPort);

function listen(port: MessagePort): void {
  let tallies: readonly ColumnTally[] | undefined;
  let work = Promise.resolve();
  let batches = 0;
  let told = 0;
  let toldAt = 0;
  const post = (message: FromReader): void => port.postMessage(message);

  const tell = (): void => {
    if (told === batches) return;
    told = batches;
    toldAt = performance.now();
    post({ kind: "progress", batches });
  };
  // For when it has caught up and waits; while it has batches to read, no timer gets a turn.
  setInterval(tell, PROGRESS_MS).unref();

  const follow = async (handle: StoreHandle): Promise<void> => {
    const store = BatchStore.attach(handle, { cachedBatches: 1 });
    tallies ??= store.schema.fields.map((field) => new ColumnTally(field));
    const tallier = new ArenaTallier(store, tallies);
    for await (const { position } of store.follow()) {
      tallier.add(position);
      batches++;
      if (performance.now() - toldAt >= PROGRESS_MS) tell();
    }
    store.close();
    post({ kind: "drained" });
  };

  port.on("message", (message: unknown) => {
    if (!isToReader(message)) throw new UsageError("a reader thread got a message it does not know");
    // One after the other; a failure is an unhandled rejection, which ends the thread and is reported by the main one.
    if (message.kind === "store") work = work.then(() => follow(message.handle));
    else {
      work = work.then(() => {
        post({ kind: "result", columns: (tallies ?? []).map((tally) => tally.result()) });
        port.close();
      });
    }
  });
}
