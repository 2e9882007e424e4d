/**
 * A thread that takes a snapshot of a pool of memtables, and never lets go. It says what it sees, and again whenever it is asked: a digest of
 * the bytes of all batches, and how many rows there are. A thread that is `idle` only attaches.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import type { PoolHandle } from "../../src/memtable/pool-handle.js";
import { PoolReader } from "../../src/memtable/pool-reader.js";

export interface HeldReaderData {
  readonly pool: PoolHandle;
  readonly idle: boolean;
}

/** What it sees. */
export interface Seen {
  readonly rows: number;
  readonly digest: string;
}

const { pool, idle }: HeldReaderData = workerData;
const reader = PoolReader.attach(pool);
const memtables = idle ? [] : reader.snapshot().memtables;

parentPort?.on("message", () => {
  const hash = createHash("sha256");
  let rows = 0;
  for (const { memtable, batches } of memtables) {
    for (const { recordBatch } of memtable.store.iterate({ to: batches })) {
      rows += recordBatch.numRows;
      for (const row of recordBatch) hash.update(`${row}\n`);
    }
  }
  parentPort?.postMessage({ rows, digest: hash.digest("hex") } satisfies Seen);
});
