/** Starts threads that hold a snapshot. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";
import type { PoolHandle } from "../../src/memtable/pool-handle.js";
import { bundle } from "../bundle.js";
import type { HeldReaderData, Seen } from "./held-reader.fixture.js";

/** A thread that holds what it saw first. */
export interface HeldReader {
  readonly first: Seen;
  /** What it sees now. */
  look(): Promise<Seen>;
}

/** Starts one, which ends with the test. @param idle true: it only attaches */
export async function startHeldReader(pool: PoolHandle, idle: boolean): Promise<HeldReader> {
  const program = await bundle(new URL("./held-reader.fixture.ts", import.meta.url));
  const worker = new Worker(program, { workerData: { pool, idle } satisfies HeldReaderData });
  onTestFinished(async () => {
    await worker.terminate();
  });
  const look = async (): Promise<Seen> => {
    const answer = once(worker, "message");
    worker.postMessage("look");
    const [seen] = await answer;
    return seen;
  };
  return { first: await look(), look };
}
