/** Waiting for batches, with and without blocking, and following them; nothing is lost when a notify is. */
import { execFile } from "node:child_process";
import { describe, expect, it } from "vitest";
import { idsOf, pairBatch, pairSchema, thrown } from "../../test/batches.js";
import { bundle } from "../../test/bundle.js";
import { ClosedError, UsageError } from "../errors.js";
import { word, words } from "./arena.fixture.js";
import { BatchStore } from "./batch-store.js";
import { WORD } from "./layout.js";
import { startThread } from "./start-thread.fixture.js";

/** Longest time between two looks at the length, and what a loaded machine may add to it. */
const RECHECK_MS = 500;
const GRACE_MS = 5_000;

function storeOf(batches = 0): BatchStore {
  const store = BatchStore.create({ schema: pairSchema, bytes: 1 << 20, capacity: 100, prefault: false });
  for (let i = 0; i < batches; i++) store.append(pairBatch(2, i));
  return store;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** What a promise rejects with. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

describe("waitForLength", () => {
  it("resolves at once when the length is reached, or none is asked for", async () => {
    expect(await storeOf(3).waitForLength(2)).toBe(3);
    expect(await storeOf().waitForLength(0)).toBe(0);
    expect(storeOf(3).waitForLengthSync(3)).toBe(3);
    expect(await storeOf(3).waitForLength(3, { timeout: 0 })).toBe(3);
  });

  it("resolves when the length is reached, and not before", async () => {
    const store = storeOf(1);
    let settled = false;
    const wait = store.waitForLength(3).then((length) => {
      settled = true;
      return length;
    });
    store.append(pairBatch(1));
    await sleep(20);
    expect(settled).toBe(false);
    store.appendAll([pairBatch(1), pairBatch(1)]);
    expect(await wait).toBe(4);
    expect(word(store, "WAITERS")).toBe(0);
  });

  it("wakes waiting threads, blocked ones and others", async () => {
    const store = storeOf(1);
    const handle = store.handle();
    const threads = await Promise.all(
      (["waitSync", "wait"] as const).map((task) => startThread({ task, handle, length: 2, timeout: 20_000 })),
    );
    await sleep(30);
    store.append(pairBatch(1));
    for (const { answer } of threads) {
      expect(await answer).toMatchObject({ length: 2 });
    }
    expect(word(store, "WAITERS")).toBe(0);
  });

  it.each(["waitSync", "wait"] as const)("gives the length there is when the time is over: %s", async (task) => {
    const store = storeOf(2);
    const { answer } = await startThread({ task, handle: store.handle(), length: 5, timeout: 60 });
    const result = await answer;
    expect(result).toMatchObject({ length: 2 });
    expect(result).toSatisfy(({ ms }: { ms: number }) => ms >= 55 && ms < GRACE_MS);
    expect(word(store, "WAITERS")).toBe(0);
    expect(await store.waitForLength(5, { timeout: 10 })).toBe(2);
    expect(store.waitForLengthSync(5, { timeout: 10 })).toBe(2);
    expect(store.waitForLengthSync(5, { timeout: 0 })).toBe(2);
  });

  it("ends with what there is when the store is finished", async () => {
    const store = storeOf(2);
    const threads = await Promise.all(
      (["waitSync", "wait"] as const).map((task) =>
        startThread({ task, handle: store.handle(), length: 5, timeout: 20_000 }),
      ),
    );
    const wait = store.waitForLength(5);
    store.append(pairBatch(1));
    store.finish();
    expect(await wait).toBe(3);
    for (const { answer } of threads) expect(await answer).toMatchObject({ length: 3 });
    expect(await store.waitForLength(5)).toBe(3);
    expect(store.waitForLengthSync(5)).toBe(3);
  });

  it("rejects with the signal's reason: aborted before, and during the wait", async () => {
    const store = storeOf(1);
    const reason = new Error("enough");
    expect(await rejection(store.waitForLength(2, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await rejection(store.waitForLength(1, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const controller = new AbortController();
    const wait = store.waitForLength(2, { signal: controller.signal });
    await sleep(5);
    controller.abort(reason);
    expect(await rejection(wait)).toBe(reason);
    expect(word(store, "WAITERS")).toBe(0);
    store.append(pairBatch(1));
    expect(await store.waitForLength(2, { signal: new AbortController().signal })).toBe(2);
  });

  it("does not wait for the recheck when it is notified, aborted or closed", async () => {
    const ends: readonly ((store: BatchStore, controller: AbortController) => unknown)[] = [
      (store) => store.append(pairBatch(1)),
      (store) => store.finish(),
      (_, controller) => controller.abort(),
      (store) => store.close(),
    ];
    for (const end of ends) {
      const times: number[] = [];
      // The quickest of several counts, as the machine may be busy with other things.
      for (let round = 0; round < 6; round++) {
        const store = storeOf(1);
        const controller = new AbortController();
        const wait = store.waitForLength(2, { signal: controller.signal }).catch(() => 0);
        const begin = performance.now();
        end(store, controller);
        await wait;
        times.push(performance.now() - begin);
      }
      expect(Math.min(...times)).toBeLessThan(RECHECK_MS / 2);
    }
  });

  it("rejects when the handle is closed, of others nothing", async () => {
    const store = storeOf(1);
    const [leaving, staying] = [BatchStore.attach(store.handle()), BatchStore.attach(store.handle())];
    const [left, stayed] = [leaving.waitForLength(2), staying.waitForLength(2)];
    leaving.close();
    const error = await rejection(left);
    expect(error).toBeInstanceOf(ClosedError);
    expect(String(error)).toContain("closed while waiting");
    store.append(pairBatch(1));
    expect(await stayed).toBe(2);
    expect(await rejection(leaving.waitForLength(1))).toBeInstanceOf(ClosedError);
    expect(thrown(() => leaving.waitForLengthSync(1))).toBeInstanceOf(ClosedError);
  });

  it("notices within the recheck time what nobody notified of", async () => {
    const store = storeOf(4);
    const control = words(store);
    Atomics.store(control, WORD.COMMITTED, 1);
    const handle = store.handle();
    const threads = await Promise.all(
      (["waitSync", "wait"] as const).map((task) => startThread({ task, handle, length: 4, timeout: 20_000 })),
    );
    const wait = store.waitForLength(4);
    const seen: number[] = [];
    const follow = (async () => {
      for await (const batch of store.follow({ from: 1 })) {
        seen.push(batch.position);
        if (seen.length === 3) break;
      }
    })();
    await sleep(50);
    const begin = performance.now();
    Atomics.store(control, WORD.COMMITTED, 4);
    expect(await wait).toBe(4);
    await follow;
    expect(seen).toEqual([1, 2, 3]);
    for (const { answer } of threads) expect(await answer).toMatchObject({ length: 4 });
    expect(performance.now() - begin).toBeLessThan(RECHECK_MS + GRACE_MS);
  });

  it("works where the engine has no waitAsync", async () => {
    const { waitAsync } = Atomics;
    Object.assign(Atomics, { waitAsync: undefined });
    try {
      const store = storeOf(1);
      const wait = store.waitForLength(2);
      await sleep(10);
      store.append(pairBatch(1));
      expect(await wait).toBe(2);
    } finally {
      Object.assign(Atomics, { waitAsync });
    }
  });

  it.each([101, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("cannot be for %s batches", async (length) => {
    const store = storeOf(1);
    for (const error of [await rejection(store.waitForLength(length)), thrown(() => store.waitForLengthSync(length))]) {
      expect(error).toBeInstanceOf(UsageError);
      expect(String(error)).toContain(`cannot wait for ${length} batches; expected a whole number from 0 to 100`);
    }
  });

  it.each([-1, Number.NaN])("cannot last %s milliseconds", async (timeout) => {
    const store = storeOf(1);
    const errors = [
      await rejection(store.waitForLength(2, { timeout })),
      thrown(() => store.waitForLengthSync(2, { timeout })),
    ];
    for (const error of errors) {
      expect(error).toBeInstanceOf(UsageError);
      expect(String(error)).toContain(`timeout is ${timeout}; expected milliseconds, 0 or more`);
    }
    expect(word(store, "WAITERS")).toBe(0);
  });

  it("leaves nothing behind after many waits", async () => {
    const store = storeOf(1);
    const controller = new AbortController();
    const waits = Array.from({ length: 500 }, () =>
      store.waitForLength(2, { signal: controller.signal }).catch(() => "aborted"),
    );
    expect(word(store, "WAITERS")).toBe(500);
    controller.abort();
    expect(new Set(await Promise.all(waits))).toEqual(new Set(["aborted"]));
    expect(word(store, "WAITERS")).toBe(0);
  });
});

describe("a pending wait", () => {
  const run = async (mode: string): Promise<{ code: number; out: string }> => {
    const path = await bundle(new URL("./waiting-process.fixture.ts", import.meta.url));
    return new Promise((resolve) => {
      execFile(process.execPath, [path, mode], { timeout: 20_000 }, (error, stdout) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), out: stdout.trim() });
      });
    });
  };

  it("keeps the process alive until it ends", async () => {
    expect(await run("wait")).toEqual({ code: 0, out: "waited 1" });
  });

  it("keeps a worker alive until it ends", async () => {
    expect(await run("worker")).toEqual({ code: 0, out: "waited 1" });
  });

  it("lets it exit when it is aborted", async () => {
    expect(await run("abort")).toEqual({ code: 0, out: "aborted stop" });
  });

  it("lets it exit when the handle is closed", async () => {
    expect(await run("close")).toEqual({ code: 0, out: "ClosedError" });
  });
});

describe("follow", () => {
  async function collect(iterator: AsyncIterable<{ position: number }>): Promise<number[]> {
    const positions: number[] = [];
    for await (const { position } of iterator) positions.push(position);
    return positions;
  }

  it.each([
    [undefined, [0, 1, 2, 3, 4]],
    [2, [2, 3, 4]],
    [3, [3, 4]],
    [4, [4]],
    [5, []],
    [99, []],
  ])("from %s on yields each batch once, in order, and ends when the store is finished", async (from, positions) => {
    const store = storeOf(3);
    const all = collect(store.follow(from === undefined ? {} : { from }));
    await sleep(5);
    store.append(pairBatch(1));
    await sleep(5);
    store.append(pairBatch(1));
    store.finish();
    expect(await all).toEqual(positions);
    expect(word(store, "WAITERS")).toBe(0);
  });

  it("yields batches that can be read", async () => {
    const store = storeOf(2);
    store.finish();
    const ids: number[][] = [];
    for await (const batch of store.follow()) ids.push(idsOf(batch.recordBatch));
    expect(ids).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });

  it("in other threads, from the start, the middle, and attached late, sees each batch once, in order", async () => {
    const store = storeOf();
    const handle = store.handle();
    const [first, middle] = [
      await startThread({ task: "follow", handle, from: 0 }),
      await startThread({ task: "follow", handle, from: 25 }),
    ];
    const rows = (position: number) => position % 4;
    const append = (until: number) => {
      while (store.length < until) {
        const { length } = store;
        if (length % 5 === 0) store.appendAll([0, 1].map((i) => pairBatch(rows(length + i))));
        else store.append(pairBatch(rows(length)));
      }
    };
    append(10);
    await sleep(10);
    append(40);
    const late = await startThread({ task: "follow", handle, from: 0 });
    append(60);
    store.finish();
    const expected = Array.from({ length: store.length }, (_, position) => [position, rows(position)]);
    expect(await first.answer).toEqual(expected);
    expect(await late.answer).toEqual(expected);
    expect(await middle.answer).toEqual(expected.slice(25));
  });

  it("ends with the signal's reason, also between two batches that are there already", async () => {
    const store = storeOf(3);
    const controller = new AbortController();
    const seen: number[] = [];
    const reason = new Error("enough");
    const following = (async () => {
      for await (const { position } of store.follow({ signal: controller.signal })) {
        seen.push(position);
        if (position === 1) controller.abort(reason);
      }
    })();
    expect(await rejection(following)).toBe(reason);
    expect(seen).toEqual([0, 1]);
    expect(await rejection(collect(store.follow({ signal: AbortSignal.abort(reason) })))).toBe(reason);
    const waiting = new AbortController();
    const pending = collect(store.follow({ signal: waiting.signal }));
    await sleep(10);
    waiting.abort(reason);
    expect(await rejection(pending)).toBe(reason);
    expect(word(store, "WAITERS")).toBe(0);
  });

  it("ends when the handle is closed", async () => {
    const store = storeOf(1);
    const reader = BatchStore.attach(store.handle());
    const following = collect(reader.follow());
    await sleep(5);
    reader.close();
    expect(await rejection(following)).toBeInstanceOf(ClosedError);
    expect(store.readers).toBe(0);
    const between = BatchStore.attach(store.handle()).follow();
    await between.next();
    await between.return();
  });

  it("may be left at any batch", async () => {
    const store = storeOf(3);
    for await (const { position } of store.follow()) if (position === 1) break;
    expect(word(store, "WAITERS")).toBe(0);
    store.append(pairBatch(1));
    store.finish();
    expect(await collect(store.follow({ from: 1 }))).toEqual([1, 2, 3]);
  });

  it("reaches the last batch of a full store, and ends when that is finished", async () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 65_536, capacity: 2 });
    const all = collect(store.follow());
    store.append(pairBatch(1));
    await sleep(5);
    store.append(pairBatch(1));
    await sleep(5);
    store.finish();
    expect(await all).toEqual([0, 1]);
  });

  it.each([-1, 0.5, Number.NaN])("cannot begin at %s", async (from) => {
    const error = await rejection(collect(storeOf(1).follow({ from })));
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toContain(`from is ${from}; expected a whole number of batches`);
  });
});
