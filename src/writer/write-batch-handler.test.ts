import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, it, vi } from "vitest";
import { malformedBatch } from "../../test/simulation/rows.js";
import {
  ClosedError,
  ConflictError,
  OutcomeUnknownError,
  RetryableError,
  StorageError,
  UsageError,
} from "../errors.js";
import { formatPosition, ORIGIN } from "./position.js";
import { Bench, batchOfRows, outcomeOf, rowOf, turn } from "./writer.fixture.js";

const rows = (first: number, count: number): object[] => Array.from({ length: count }, (_, i) => rowOf(first + i));

describe("group commit", () => {
  it("writes all puts of one turn of the event loop as one entry", async () => {
    const bench = new Bench();
    const puts = [bench.put(rowOf(0)), bench.put(rows(1, 3)), bench.put(batchOfRows(4, 2))];
    // Made behind promises, and behind promises of promises, in the same turn.
    const make = async (id: number): Promise<void> => {
      for (let i = 0; i < id; i++) await null;
      puts.push(bench.put(rowOf(id)));
    };
    void make(6);
    void make(7);
    expect(bench.log.plans).toEqual([]);
    await turn();
    expect(bench.log.plans).toMatchObject([{ entry: 1, memtable: 1, from: 0, to: 1, durable: true }]);
    await bench.log.finish();
    expect(await Promise.all(puts)).toEqual(Array(5).fill(formatPosition(1, 0)));
    expect(bench.ids).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("asks for no timer", async () => {
    const bench = new Bench();
    const set = vi.spyOn(bench.timers, "set");
    bench.put(rowOf(0));
    await turn();
    expect(bench.log.plans).toHaveLength(1);
    expect(set).not.toHaveBeenCalled();
  });

  it("has puts share the next entry that come while one is being written", async () => {
    const bench = new Bench();
    bench.put(rowOf(0));
    await turn();
    const second = bench.put(rowOf(1));
    await turn();
    const third = bench.put(rowOf(2));
    await turn();
    expect(bench.log.plans).toHaveLength(1);
    await bench.log.finish();
    expect(bench.log.plans).toMatchObject([{ entry: 1 }, { entry: 2, from: 1, to: 2 }]);
    await bench.log.finish();
    expect(await Promise.all([second, third])).toEqual([formatPosition(2, 0), formatPosition(2, 0)]);
  });

  it("tells those who wait in portions, in their order, so that what they do next does not hold the thread up", async () => {
    const bench = new Bench();
    const told: { readonly put: number; readonly turn: number }[] = [];
    for (let put = 0; put < 300; put++) void bench.put(rowOf(put)).then(() => told.push({ put, turn: turns }));
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns++;
      if (counting) setImmediate(count);
    };
    await turn();
    setImmediate(count);
    await bench.log.finish();
    await bench.handler.close();
    counting = false;
    expect(told.map(({ put }) => put)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    const portions = new Map<number, number>();
    for (const one of told) portions.set(one.turn, (portions.get(one.turn) ?? 0) + 1);
    expect(Math.max(...portions.values())).toBeLessThanOrEqual(128);
  });

  it("makes one batch of a thousand small puts", async () => {
    const bench = new Bench();
    for (let i = 0; i < 1_000; i++) bench.put(i % 3 === 0 ? batchOfRows(i, 1) : rowOf(i));
    await turn();
    expect(bench.batches).toEqual([1]);
    expect(bench.ids).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
  });

  it("keeps large batches as they are, in their order among small ones", async () => {
    const bench = new Bench();
    const positions = [
      bench.put(rowOf(0)),
      bench.put(batchOfRows(1, 100)),
      bench.put(rowOf(101)),
      bench.put([batchOfRows(102, 3), batchOfRows(105, 3)]),
      bench.put(rowOf(108)),
    ];
    await turn();
    await bench.log.finish();
    expect(bench.batches).toEqual([6]);
    expect(bench.ids).toEqual(Array.from({ length: 109 }, (_, i) => i));
    expect(await Promise.all(positions)).toEqual([0, 1, 2, 4, 5].map((batch) => formatPosition(1, batch)));
  });

  it("stages no more than a bound before it appends", async () => {
    const bench = new Bench();
    for (let i = 0; i < 4_095; i++) bench.put(rowOf(i));
    expect(bench.batches).toEqual([]);
    bench.put(rowOf(4_095));
    expect(bench.batches).toEqual([1]);
    bench.put({ id: 5_000, text: "x".repeat(900_000) });
    expect(bench.batches).toEqual([1]);
    bench.put({ id: 5_001, text: "x".repeat(900_000) });
    expect(bench.batches).toEqual([1, 1, 1]);
  });

  it("hands at most four entries to the log at once, in order", async () => {
    const bench = new Bench({ flushBytes: 1 });
    for (let i = 0; i < 7; i++) bench.put(batchOfRows(100 * i, 64));
    await turn();
    expect(bench.log.plans.map(({ entry }) => entry)).toEqual([1, 2, 3, 4]);
    await bench.log.finish();
    expect(bench.log.plans.map(({ entry }) => entry)).toEqual([1, 2, 3, 4, 5]);
    await bench.log.finish(4);
    expect(bench.log.plans.map(({ entry }) => entry)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("lets one malformed batch among small puts fail alone", async () => {
    const bench = new Bench();
    const puts = [
      bench.put(rowOf(0)),
      bench.put(malformedBatch(1, 3)),
      bench.put(batchOfRows(4, 2)),
      bench.put(rowOf(6)),
    ];
    await turn();
    await bench.log.finish();
    expect(await Promise.all(puts.map(outcomeOf))).toEqual([
      formatPosition(1, 0),
      expect.any(UsageError),
      formatPosition(1, 1),
      formatPosition(1, 2),
    ]);
    expect(bench.ids).toEqual([0, 4, 5, 6]);
  });

  it("takes nothing of a put with a row that is none", async () => {
    const bench = new Bench();
    const bad = bench.put([rowOf(1), { id: 2 ** 31, text: "" }]);
    await expect(bad).rejects.toThrow(UsageError);
    bench.put(rowOf(3));
    await turn();
    expect(bench.ids).toEqual([3]);
  });
});

describe("durability", () => {
  it("asks for what the most careful put of an entry asks for", async () => {
    const bench = new Bench();
    const asked = [["os"], ["os", "disk", "memory"], ["memory"]] as const;
    for (const rows of [1, 64]) {
      for (const durabilities of asked) {
        for (const durability of durabilities) bench.put(batchOfRows(0, rows), { durability });
        await turn();
        await bench.log.finish();
      }
    }
    expect(bench.log.plans.map(({ durable }) => durable)).toEqual([false, true, false, false, true, false]);
  });

  it("has a put into memory resolve as soon as the writer's own reads see it; it is pending until it is written", async () => {
    const bench = new Bench();
    const earlier = bench.put(rowOf(0));
    const put = bench.put(rowOf(1), { durability: "memory" });
    expect(bench.ids).toEqual([0, 1]);
    expect(await put).toBe(formatPosition(1, 0));
    expect(bench.handler.pendingPuts).toBe(2);
    expect(await outcomeOf(earlier)).toBe("pending");
    await bench.log.finish();
    expect(bench.handler.pendingPuts).toBe(0);
  });

  it("refuses what is none", async () => {
    await expect(new Bench().put(rowOf(0), { durability: "ram" as "os" })).rejects.toThrow(UsageError);
  });
});

describe("the bounds of an entry", () => {
  it("are 100,000 rows: an atomic put goes as a whole into the next one", async () => {
    const bench = new Bench({}, { memtableBytes: 64 << 20 });
    const puts = [
      bench.put(batchOfRows(0, 60_000)),
      bench.put([batchOfRows(60_000, 20_000), batchOfRows(80_000, 20_001)]),
    ];
    await turn();
    await bench.log.finish();
    await bench.log.finish();
    expect(bench.log.plans).toMatchObject([
      { entry: 1, from: 0, to: 1 },
      { entry: 2, from: 1, to: 3 },
    ]);
    expect(await Promise.all(puts)).toEqual([formatPosition(1, 0), formatPosition(2, 1)]);
    const error = await outcomeOf(bench.put(batchOfRows(0, 100_001)));
    expect(error).toMatchObject({ code: "Full", bound: "rows" });
  });

  it("are 8,000 batches", async () => {
    const bench = new Bench({}, { memtableBytes: 64 << 20, memtableBatches: 20_000 });
    const batch = batchOfRows(0, 1);
    bench.put(Array(7_999).fill(batch));
    bench.put(Array(2).fill(batch));
    bench.put(Array(7_998).fill(batch));
    await turn();
    await bench.log.finish(3);
    expect(bench.log.plans.map(({ from, to }) => to - from)).toEqual([7_999, 8_000]);
    expect(await outcomeOf(bench.put(Array(8_001).fill(batch)))).toMatchObject({ code: "Full", bound: "batches" });
  });

  it("are 64 MiB", async () => {
    const bench = new Bench({}, { memtableBytes: 256 << 20 });
    const text = "x".repeat(30 << 20);
    for (let id = 0; id < 3; id++) bench.put({ id, text });
    await turn();
    await bench.log.finish();
    expect(bench.log.plans.map(({ from, to }) => to - from)).toEqual([2, 1]);
    const error = await outcomeOf(
      bench.put([
        { id: 4, text: text + text },
        { id: 5, text },
      ]),
    );
    expect(error).toMatchObject({ code: "Full", bound: "bytes" });
  });

  it("are the memtable's: an entry never spans two", async () => {
    const bench = new Bench({}, { memtableBytes: 65_536 });
    for (let i = 0; i < 80; i++) bench.put(batchOfRows(100 * i, 100));
    await turn();
    await bench.log.finish(4);
    expect(bench.memtables.all.length).toBeGreaterThan(2);
    expect(bench.log.plans.map(({ memtable }) => memtable)).toEqual(
      bench.memtables.all.map(({ generation }) => generation),
    );
    expect(bench.memtables.all.every(({ store }, i, all) => store.finished === i < all.length - 1)).toBe(true);
  });

  it("are flushBytes: an entry that has them is closed", async () => {
    const bench = new Bench({ flushBytes: 10_000 });
    for (let i = 0; i < 4; i++) bench.put(batchOfRows(100 * i, 200));
    expect(bench.log.plans.length).toBeGreaterThan(1);
  });
});

describe("backpressure", () => {
  it("has puts wait in order above so many unflushed bytes", async () => {
    const stalls: unknown[] = [];
    const onStall = (message: unknown): void => void stalls.push(message);
    subscribe("pennon:stall", onStall);
    try {
      const bench = new Bench({ maxUnflushedBytes: 1 });
      bench.put(batchOfRows(0, 64));
      const waiting = [bench.put(rowOf(64)), bench.put(batchOfRows(65, 70)), bench.put(rowOf(135))];
      await turn();
      expect(bench.ids).toHaveLength(64);
      expect(stalls).toMatchObject([{ pendingPuts: 2 }]);
      for (let entry = 1; entry <= 4; entry++) await bench.log.finish();
      expect(await Promise.all(waiting)).toHaveLength(3);
      expect(bench.ids).toEqual(Array.from({ length: 136 }, (_, i) => i));
      expect(bench.handler.unflushedBytes).toBe(0);
    } finally {
      unsubscribe("pennon:stall", onStall);
    }
  });

  it("refuses a put above so many pending ones, and takes it when some have settled", async () => {
    const bench = new Bench({ maxPendingPuts: 2 });
    bench.put(rowOf(0));
    bench.put(rowOf(1));
    expect(await outcomeOf(bench.put(rowOf(2)))).toMatchObject({ code: "Full", bound: "puts" });
    await bench.log.finish();
    bench.put(rowOf(3));
    await turn();
    await bench.log.finish();
    expect(bench.ids).toEqual([0, 1, 3]);
  });

  it("refuses what the memory bound leaves no room for, and goes on with what fits", async () => {
    const bench = new Bench({}, { memtableBytes: 65_536, maxMemoryBytes: 300_000 });
    const outcomes: unknown[] = [];
    for (let i = 0; i < 20; i++) outcomes.push(await outcomeOf(bench.put(batchOfRows(400 * i, 400))));
    expect(outcomes.at(-1)).toMatchObject({ code: "Full", bound: "bytes" });
    expect(bench.memtables.usedBytes).toBeLessThanOrEqual(300_000);
    expect(bench.memtables.all.length).toBeGreaterThan(1);
    const before = bench.ids.length;
    while (bench.log.inFlight > 0) await bench.log.finish();
    expect(await outcomeOf(bench.put({ id: 9_999, text: null }))).toBe("pending");
    expect(bench.ids).toHaveLength(before + 1);
  });

  it.each([
    ["rows", { maxLogRows: 70 }, 0],
    ["batches", { maxLogBatches: 1 }, 0],
    ["bytes", { maxLogBytes: 2_000 }, 0],
  ] as const)("refuses what would have the log hold too many %s, staged ones included", async (bound, options, _) => {
    const bench = new Bench(options);
    const first = bench.put(rows(0, 65));
    const second = bench.put(batchOfRows(65, 66));
    await bench.log.finish();
    expect(await outcomeOf(second)).toMatchObject({ code: "Full", bound });
    expect(await outcomeOf(bench.put(batchOfRows(200, 66)))).toMatchObject({ code: "Full", bound });
    await bench.log.finish();
    expect(await first).toBe(formatPosition(1, 0));
    expect(bench.ids).toHaveLength(65);
  });

  it("counts what the log held before", async () => {
    const bench = new Bench({ maxLogRows: 100 }, {}, { rows: 99, nextEntry: 7 });
    expect(await outcomeOf(bench.put(rows(0, 2)))).toMatchObject({ code: "Full", bound: "rows" });
    bench.put(rowOf(0));
    await turn();
    expect(bench.log.plans).toMatchObject([{ entry: 7 }]);
  });
});

describe("the interval", () => {
  it("gathers puts until it is over", async () => {
    const bench = new Bench({ flushIntervalMs: 100 });
    const put = bench.put(rowOf(0));
    await bench.timers.advance(60);
    bench.put(batchOfRows(1, 80));
    await bench.timers.advance(39);
    expect(bench.log.plans).toEqual([]);
    await bench.timers.advance(1);
    expect(bench.log.plans).toMatchObject([{ entry: 1, from: 0, to: 2 }]);
    await bench.log.finish();
    expect(await put).toBe(formatPosition(1, 0));
    expect(bench.timers.pending).toBe(0);
  });

  it("is not waited for once there are so many bytes", async () => {
    const measure = new Bench();
    measure.put(batchOfRows(0, 64));
    const bench = new Bench({ flushIntervalMs: 100, flushBytes: measure.handler.unflushedBytes + 1 });
    bench.put(batchOfRows(0, 64));
    await turn();
    expect(bench.log.plans).toHaveLength(0);
    bench.put(batchOfRows(64, 64));
    await turn();
    expect(bench.log.plans).toHaveLength(1);
    await bench.log.finish();
    bench.put(rowOf(200));
    await bench.timers.advance(99);
    expect(bench.log.plans).toHaveLength(1);
    await bench.timers.advance(1);
    expect(bench.log.plans).toHaveLength(2);
  });

  it("begins anew with each entry, and is not waited for by close", async () => {
    const bench = new Bench({ flushIntervalMs: 100 });
    bench.put(rowOf(0));
    await bench.timers.advance(100);
    await bench.log.finish();
    const put = bench.put(rowOf(1));
    await bench.timers.advance(50);
    expect(bench.log.plans).toHaveLength(1);
    const closed = bench.handler.close();
    await bench.log.finish();
    await closed;
    expect(await put).toBe(formatPosition(2, 0));
    expect(bench.timers.pending).toBe(0);
  });
});

describe("abort", () => {
  const reason = new Error("enough");

  it("before the call: nothing is written", async () => {
    const bench = new Bench();
    await expect(bench.put(rowOf(0), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await turn();
    expect([bench.ids, bench.handler.pendingPuts]).toEqual([[], 0]);
  });

  it("while the put waits for room: nothing is written", async () => {
    const bench = new Bench({ maxUnflushedBytes: 1 });
    const abort = new AbortController();
    bench.put(batchOfRows(0, 64));
    const waiting = bench.put(rowOf(64), { signal: abort.signal });
    const behind = bench.put(rowOf(65));
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await turn();
    await bench.log.finish();
    await bench.log.finish();
    expect(await behind).toBe(formatPosition(2, 0));
    expect(bench.ids).toHaveLength(65);
    expect(bench.handler.pendingPuts).toBe(0);
  });

  it.each(["staged", "appended"])("once it is %s: only the wait ends, with the position", async (state) => {
    const bench = new Bench();
    const abort = new AbortController();
    const put = bench.put(state === "staged" ? rowOf(0) : batchOfRows(0, 64), { signal: abort.signal });
    abort.abort(reason);
    expect(await outcomeOf(put)).toMatchObject({
      code: "OutcomeUnknown",
      position: formatPosition(1, 0),
      cause: reason,
    });
    expect(bench.handler.pendingPuts).toBe(1);
    await bench.log.finish();
    expect(bench.handler.pendingPuts).toBe(0);
    expect(bench.log.plans).toHaveLength(1);
  });

  it("after it has settled means nothing", async () => {
    const bench = new Bench();
    const abort = new AbortController();
    const put = bench.put(rowOf(0), { signal: abort.signal });
    await turn();
    await bench.log.finish();
    abort.abort(reason);
    expect(await put).toBe(formatPosition(1, 0));
    expect(bench.handler.pendingPuts).toBe(0);
  });
});

describe("close", () => {
  it("waits for everything, also what waits for room", async () => {
    const bench = new Bench({ maxUnflushedBytes: 1, flushIntervalMs: 1_000 });
    const puts = [bench.put(batchOfRows(0, 64)), bench.put(rowOf(64)), bench.put(rowOf(65))];
    const closed = bench.handler.close();
    expect(await outcomeOf(closed)).toBe("pending");
    await expect(bench.put(rowOf(66))).rejects.toThrow(ClosedError);
    for (let entry = 0; entry < 3; entry++) await bench.log.finish();
    await closed;
    expect(await Promise.all(puts)).toHaveLength(3);
  });

  it("of a writer that has nothing to do resolves", async () => {
    const bench = new Bench();
    await bench.handler.close();
    await bench.handler.close();
  });

  it("says what the writer had stopped for, or stops for meanwhile", async () => {
    const bench = new Bench();
    bench.put(rowOf(0));
    const closed = bench.handler.close();
    closed.catch(() => {});
    await turn();
    await bench.log.fail(new StorageError("no space"));
    await expect(closed).rejects.toThrow("no space");
    await expect(bench.handler.close()).rejects.toThrow("no space");
  });
});

describe("a failed entry", () => {
  /** One put in each of the places where it may be. */
  async function everywhere(error: Error) {
    const bench = new Bench({ flushBytes: 1, maxUnflushedBytes: 60_000 });
    const written = bench.put(batchOfRows(0, 64));
    await turn();
    await bench.log.finish();
    const puts = [0, 1, 2, 3, 4].map((i) => bench.put(batchOfRows(100 * i, 64)));
    puts.push(bench.put(rowOf(900)));
    for (let id = 1_000; bench.handler.unflushedBytes < 60_000; id += 100) puts.push(bench.put(batchOfRows(id, 64)));
    const gated = bench.put(rowOf(9_000));
    expect(bench.log.inFlight).toBe(4);
    await bench.log.fail(error);
    const outcomes = await Promise.all(puts.map(outcomeOf));
    return { bench, written, outcomes, gated: await outcomeOf(gated) };
  }

  it.each([new StorageError("no space"), new RetryableError("busy"), new ConflictError("fenced")])(
    "with a $name stops the writer: everything pending fails with it",
    async (error) => {
      const { bench, written, outcomes, gated } = await everywhere(error);
      expect(await written).toBe(formatPosition(1, 0));
      for (const outcome of [...outcomes, gated]) expect(outcome).toBe(error);
      expect(bench.handler.failure).toBe(error);
      expect(bench.handler.pendingPuts).toBe(0);
      const later = error instanceof ConflictError ? ConflictError : ClosedError;
      await expect(bench.put(rowOf(1))).rejects.toThrow(later);
      const handed = bench.log.plans.length;
      await bench.log.finish(10);
      expect(bench.log.plans).toHaveLength(handed);
    },
  );

  it("with an unknown outcome has every pending put carry its position", async () => {
    const { outcomes, gated, bench } = await everywhere(new OutcomeUnknownError("fsync failed"));
    outcomes.forEach((outcome, i) => {
      expect(outcome).toBeInstanceOf(OutcomeUnknownError);
      expect(outcome).toHaveProperty("position", formatPosition(2 + i, 0));
    });
    expect(gated).toMatchObject({ code: "OutcomeUnknown", position: undefined });
    await expect(bench.put(rowOf(1))).rejects.toThrow(ClosedError);
  });

  it("by a newer epoch after the put is a Conflict for later puts", async () => {
    const error = new OutcomeUnknownError("written, but fenced", { cause: new ConflictError("epoch 3") });
    const { bench } = await everywhere(error);
    await expect(bench.put(rowOf(1))).rejects.toThrow(ConflictError);
  });

  it("is told on a channel: a fence on its own", async () => {
    const told: string[] = [];
    const listeners = ["fence", "error"].map((name) => {
      const listener = (): void => void told.push(name);
      subscribe(`pennon:${name}`, listener);
      return () => unsubscribe(`pennon:${name}`, listener);
    });
    try {
      await everywhere(new OutcomeUnknownError("fenced", { cause: new ConflictError("epoch 3") }));
      await everywhere(new StorageError("no space"));
    } finally {
      for (const stop of listeners) stop();
    }
    expect(told).toEqual(["fence", "error"]);
  });

  it("from outside stops the writer too", async () => {
    const bench = new Bench();
    const put = bench.put(rowOf(0));
    bench.handler.fail(new OutcomeUnknownError("the thread is lost"));
    await expect(put).rejects.toThrow("the thread is lost");
  });
});

describe("puts without rows", () => {
  it("are accepted, and make no entry", async () => {
    const bench = new Bench();
    expect(await bench.put([])).toBe(ORIGIN);
    expect(await bench.put(batchOfRows(0, 0))).toBe(ORIGIN);
    expect(await bench.put([batchOfRows(0, 0), batchOfRows(0, 0)])).toBe(ORIGIN);
    expect([bench.log.plans, bench.batches]).toEqual([[], []]);
  });

  it("have the position of what was put before", async () => {
    const bench = new Bench({}, {}, { nextEntry: 5 });
    expect(await bench.put([])).toBe(formatPosition(4, 0xffffffff));
    bench.put(rowOf(0));
    await turn();
    await bench.log.finish();
    expect(await bench.put([])).toBe(formatPosition(5, 0));
  });

  it("are left out of a group", async () => {
    const bench = new Bench();
    bench.put([batchOfRows(0, 0), batchOfRows(0, 2), batchOfRows(2, 0)]);
    await turn();
    expect(bench.batches).toEqual([1]);
  });
});

describe("counters", () => {
  it("go with the entry that holds their put, and with all behind it", async () => {
    const bench = new Bench({}, {}, { counters: new Map([["old", 7n]]) });
    bench.put(rowOf(0), { counters: new Map([["a", 1n]]) });
    bench.put(rowOf(1), { counters: new Map([["a", 2n]]) });
    bench.put(rowOf(2));
    await turn();
    bench.put(rowOf(3), { counters: new Map([["b", 3n]]) });
    await bench.log.finish();
    await bench.log.finish();
    expect(bench.log.plans.map(({ counters }) => Object.fromEntries(counters))).toEqual([
      { old: 7n, a: 2n },
      { old: 7n, a: 2n, b: 3n },
    ]);
  });

  it("do not go with an entry that was closed before their put", async () => {
    const bench = new Bench({ flushBytes: 1 });
    bench.put(batchOfRows(0, 64), { counters: new Map([["a", 1n]]) });
    bench.put(batchOfRows(64, 64), { counters: new Map([["a", 2n]]) });
    await turn();
    expect(bench.log.plans.map(({ counters }) => counters.get("a"))).toEqual([1n, 2n]);
  });

  it.each([
    ["negative", new Map([["a", -1n]])],
    ["too large", new Map([["a", 2n ** 63n]])],
    ["of a long name", new Map([["a".repeat(257), 1n]])],
    ["too many", new Map(Array.from({ length: 65 }, (_, i) => [`c${i}`, 1n]))],
  ])("that are %s fail alone", async (_, counters) => {
    const bench = new Bench();
    const others = [bench.put(rowOf(0)), bench.put(rowOf(1), { counters }), bench.put(rowOf(2))];
    await turn();
    await bench.log.finish();
    const [first, bad, last] = await Promise.all(others.map(outcomeOf));
    expect(bad).toBeInstanceOf(UsageError);
    expect([first, last].every((outcome) => typeof outcome === "string")).toBe(true);
    expect(bench.ids).toEqual([0, 2]);
    expect(bench.handler.failure).toBeUndefined();
  });
});
