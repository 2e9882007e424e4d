import { setImmediate as nextTurn } from "node:timers/promises";
import type { RecordBatch } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { idsOf, pairBatch } from "../../../test/batches.js";
import { FullError, StorageError, TooLargeError, UsageError } from "../../errors.js";
import { PutPipeline, type PutTarget } from "./put-pipeline.js";

const counters = (rows: number): ReadonlyMap<string, bigint> => new Map([["rows", BigInt(rows)]]);
const tooLarge = (): FullError => new FullError("too large", "bytes", { cause: new TooLargeError("too large") });

/** Takes what it is given; puts become durable when they are let. */
class Target implements PutTarget {
  readonly taken: number[][] = [];
  readonly counters: bigint[] = [];
  readonly pending: (() => void)[] = [];
  refuse: (batch: RecordBatch) => Error | undefined = () => undefined;
  unflushedBytes = 0;

  async put(batch: RecordBatch, counters: ReadonlyMap<string, bigint>): Promise<void> {
    const error = this.refuse(batch);
    if (error !== undefined) throw error;
    this.taken.push(idsOf(batch));
    this.counters.push(counters.get("rows") ?? -1n);
    this.unflushedBytes += 1000 * batch.numRows;
    await new Promise<void>((resolve) => {
      this.pending.push(resolve);
    });
    this.unflushedBytes -= 1000 * batch.numRows;
  }

  stats(): { unflushedBytes: number } {
    return this;
  }

  durable(): void {
    for (const resolve of this.pending.splice(0)) resolve();
  }
}

function pipelineTo(target: PutTarget) {
  const progress = { put: 0, durable: 0 };
  const pipeline = new PutPipeline(
    target,
    (rows) => {
      progress.put += rows;
    },
    (rows) => {
      progress.durable += rows;
    },
  );
  return { pipeline, progress };
}

describe("PutPipeline", () => {
  it("has several puts on their way, and says how many rows are durable", async () => {
    const target = new Target();
    const { pipeline, progress } = pipelineTo(target);
    await pipeline.add(pairBatch(3), counters);
    await pipeline.add(pairBatch(2, 3), (rows) => counters(3 + rows));
    expect(target).toMatchObject({
      taken: [
        [0, 1, 2],
        [3, 4],
      ],
      counters: [3n, 5n],
    });
    expect(progress).toEqual({ put: 5, durable: 0 });
    target.durable();
    await pipeline.settled();
    expect(progress).toEqual({ put: 5, durable: 5 });
  });

  it("waits while many bytes are on their way", async () => {
    const target = new Target();
    const { pipeline } = pipelineTo(target);
    for (let i = 0; i < 34; i++) await pipeline.add(pairBatch(1000), counters);
    const waiting = pipeline.add(pairBatch(1000), counters);
    for (let i = 0; i < 10; i++) await nextTurn();
    expect(target.taken).toHaveLength(34);
    target.durable();
    await waiting;
    expect(target.taken).toHaveLength(35);
  });

  it("cuts what is too large, in order, each piece with its counters", async () => {
    const target = new Target();
    target.refuse = ({ numRows }) => (numRows > 3 ? tooLarge() : undefined);
    const { pipeline, progress } = pipelineTo(target);
    await pipeline.add(pairBatch(10), counters);
    target.durable();
    await pipeline.settled();
    expect(target.taken.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(Math.max(...target.taken.map((ids) => ids.length))).toBeLessThanOrEqual(3);
    let rows = 0n;
    for (const [i, ids] of target.taken.entries()) {
      rows += BigInt(ids.length);
      expect(target.counters[i]).toBe(rows);
    }
    expect(progress).toEqual({ put: 10, durable: 10 });
  });

  it("puts nothing behind a put that was refused", async () => {
    const target = new Target();
    const { pipeline } = pipelineTo(target);
    await pipeline.add(pairBatch(2), counters);
    target.refuse = () => new UsageError("no");
    await expect(pipeline.add(pairBatch(2), counters)).rejects.toThrow("no");
    target.refuse = () => undefined;
    await expect(pipeline.add(pairBatch(2), counters)).rejects.toThrow("no");
    target.durable();
    await expect(pipeline.settled()).rejects.toThrow("no");
    expect(target.taken).toHaveLength(1);
  });

  it("ends with the first put that failed later, also when it was too late to cut it", async () => {
    for (const error of [new StorageError("no space"), tooLarge()]) {
      const target: PutTarget = {
        put: async () => {
          for (let i = 0; i < 10; i++) await nextTurn();
          throw error;
        },
        stats: () => ({ unflushedBytes: 0 }),
      };
      const { pipeline, progress } = pipelineTo(target);
      await pipeline.add(pairBatch(2), counters);
      await pipeline.add(pairBatch(2), counters);
      await expect(pipeline.settled()).rejects.toThrow(error instanceof FullError ? "too large" : "no space");
      expect(progress.durable).toBe(0);
    }
  });

  it("says when a single row is too large, and when there is no room", async () => {
    const target = new Target();
    target.refuse = tooLarge;
    await expect(pipelineTo(target).pipeline.add(pairBatch(4), counters)).rejects.toThrow(
      /a single row .* is too large/,
    );
    target.refuse = () => new FullError("the log is full", "rows");
    await expect(pipelineTo(target).pipeline.add(pairBatch(4), counters)).rejects.toThrow(FullError);
  });
});
