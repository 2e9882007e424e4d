/** A store in memory: the contract, failures by rule, losses of power, and actors whose steps a scheduler orders. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClosedError, OutcomeUnknownError, RetryableError, StorageError, UsageError } from "../errors.js";
import type { FaultRule, StoreOperation } from "./faults.js";
import { MemoryStore } from "./memory-store.js";
import type { StoreStep } from "./memory-view.js";
import { objectStoreContract } from "./object-store.contract.js";
import { ObjectExistsError, type ObjectStore } from "./object-store.js";
import { seededRandom } from "./seeded-random.js";

objectStoreContract("MemoryStore", async () => {
  // Small pages, so that every listing takes several.
  const store = new MemoryStore({ pageSize: 3 });
  return { store, close: () => store.close() };
});

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytesOf = (string: string): Uint8Array => new TextEncoder().encode(string);

/** All objects, as text. */
async function contents(store: ObjectStore): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { key } of store.list("")) found[key] = text(await store.get(key));
  return found;
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

/** A scheduler that lets nothing happen but what the test says. */
class Turnstile {
  readonly #waiting: { readonly step: StoreStep; readonly go: () => void }[] = [];

  readonly step = (step: StoreStep): Promise<void> =>
    new Promise((go) => {
      this.#waiting.push({ step, go });
    });

  get waiting(): string[] {
    return this.#waiting.map(({ step }) => `${step.actor} ${step.op} ${step.key} ${step.phase}`);
  }

  /** Lets the oldest step of the actor happen, and all that follows from it. */
  async pass(actor: string): Promise<void> {
    const index = this.#waiting.findIndex(({ step }) => step.actor === actor);
    expect(index, `${actor} waits`).toBeGreaterThanOrEqual(0);
    for (const { go } of this.#waiting.splice(index, 1)) go();
    await new Promise(setImmediate);
  }
}

describe("a loss of power", () => {
  it("leaves what was made durable, and only that for certain", async () => {
    const store = new MemoryStore();
    await store.putIfAbsent("durable", [bytesOf("a")]);
    await store.putIfAbsent("not", [bytesOf("b")], { durable: false });
    await store.putIfAbsent("synced", [bytesOf("c")], { durable: false });
    await store.sync(["synced"]);
    await store.put("hint", [bytesOf("d")]);
    expect(store.unsynced()).toEqual(["hint", "not"]);
    expect(await contents(store.snapshotDurable())).toEqual({ durable: "a", synced: "c" });
    expect(await contents(store)).toEqual({ durable: "a", synced: "c", not: "b", hint: "d" });
    store.powerLoss("lost");
    expect(await contents(store)).toEqual({ durable: "a", synced: "c" });
    expect(store.unsynced()).toEqual([]);
  });

  it("leaves the former bytes, a part of the new ones, or all, of an object that was replaced", async () => {
    const store = new MemoryStore();
    await store.put("hint", [bytesOf("old")]);
    await store.sync(["hint"]);
    await store.put("hint", [bytesOf("newer")]);
    expect(await contents(store.afterPowerLoss("lost"))).toEqual({ hint: "old" });
    expect(await contents(store.afterPowerLoss("kept"))).toEqual({ hint: "newer" });
    const torn = (await contents(store.afterPowerLoss("torn")))["hint"] ?? "absent";
    expect("newer".startsWith(torn) && torn !== "newer").toBe(true);
  });

  it("may bring back what was deleted", async () => {
    const store = new MemoryStore();
    await store.putIfAbsent("a", [bytesOf("x")]);
    await store.delete("a");
    expect(store.unsynced()).toEqual(["a"]);
    expect(await contents(store.afterPowerLoss("lost"))).toEqual({ a: "x" });
    expect(await contents(store.afterPowerLoss("kept"))).toEqual({});
    await store.putIfAbsent("a", [bytesOf("y")]);
    expect(store.unsynced()).toEqual([]);
    expect(await contents(store.afterPowerLoss("lost"))).toEqual({ a: "y" });
  });

  it("by chance leaves each object lost, torn at every length, or whole, the same for the same seed", async () => {
    const fates = async (seed: number): Promise<Record<string, string>> => {
      const store = new MemoryStore({ random: seededRandom(seed) });
      for (let i = 0; i < 200; i++) await store.putIfAbsent(`a/${i}`, [bytesOf("abcd")], { durable: false });
      store.powerLoss();
      return contents(store);
    };
    const first = await fates(7);
    expect(await fates(7)).toEqual(first);
    expect(await fates(8)).not.toEqual(first);
    expect(new Set(Object.values(first))).toEqual(new Set(["", "a", "ab", "abc", "abcd"]));
    expect(Object.keys(first).length).toBeGreaterThan(100);
    expect(Object.keys(first).length).toBeLessThan(170);
  });

  it("is survived by what survived the one before", async () => {
    const store = new MemoryStore();
    await store.putIfAbsent("a", [bytesOf("x")], { durable: false });
    store.powerLoss("kept");
    store.powerLoss("lost");
    expect(await contents(store)).toEqual({ a: "x" });
  });

  it("ends what is under way, at whatever step, without an effect afterwards", async () => {
    for (let steps = 0; steps <= 2; steps++) {
      const gate = new Turnstile();
      const store = new MemoryStore();
      const writer = store.view({ actor: "writer", step: gate.step });
      const put = rejection(writer.putIfAbsent("a", [bytesOf("x")]));
      await new Promise(setImmediate);
      for (let i = 0; i < steps; i++) await gate.pass("writer");
      // Seen, but not durable, once the request took effect; durable after the sync.
      expect(await contents(store)).toEqual(steps > 0 ? { a: "x" } : {});
      expect(await contents(store.snapshotDurable())).toEqual(steps > 1 ? { a: "x" } : {});
      store.powerLoss("lost");
      await gate.pass("writer");
      expect(await put).toBeInstanceOf(ClosedError);
      expect(await contents(store)).toEqual(steps > 1 ? { a: "x" } : {});
    }
  });

  it("calls back what a rule delays", async () => {
    const store = new MemoryStore();
    const fault = store.faults.add({ action: "delay", op: "putIfAbsent", times: Number.POSITIVE_INFINITY });
    const put = rejection(store.putIfAbsent("a", []));
    expect(fault.held).toBe(1);
    store.powerLoss();
    expect(await put).toBeInstanceOf(ClosedError);
    expect(await contents(store)).toEqual({});
    void store.putIfAbsent("a", []).catch(() => undefined);
    expect(fault.held, "the rule is still in force").toBe(1);
  });
});

describe("a rule", () => {
  const WRITES: readonly StoreOperation[] = ["putIfAbsent", "put", "delete", "sync"];

  /** One request of each kind on an object "a" that is there; "b" is not. */
  const requests: Readonly<Record<StoreOperation, (store: ObjectStore) => Promise<unknown>>> = {
    putIfAbsent: (store) => store.putIfAbsent("b", [bytesOf("new")]),
    put: (store) => store.put("b", [bytesOf("new")]),
    get: (store) => store.get("a"),
    getRange: (store) => store.getRange("a", 0, 1),
    head: (store) => store.head("a"),
    list: (store) => store.list("")[Symbol.asyncIterator]().next(),
    delete: (store) => store.delete("a"),
    sync: (store) => store.sync(["a"]),
  };

  const ops = fc.constantFrom<StoreOperation>(
    "putIfAbsent",
    "put",
    "get",
    "getRange",
    "head",
    "list",
    "delete",
    "sync",
  );

  it("fails a request of any kind before its effect, with the class it is told", async () => {
    await fc.assert(
      fc.asyncProperty(ops, fc.constantFrom("retryable", "storage", "unknown", undefined), async (op, error) => {
        const store = new MemoryStore();
        await store.putIfAbsent("a", [bytesOf("old")], { durable: false });
        const before = [await contents(store), store.unsynced()];
        const fault = store.faults.add({ op, action: "failBefore", ...(error && { error }) });
        const failed = await rejection(requests[op](store));
        if (error === undefined || error === "storage") expect(failed).toBeInstanceOf(StorageError);
        else if (error === "unknown" && WRITES.includes(op)) {
          expect(failed).toBeInstanceOf(OutcomeUnknownError);
          expect(failed).toMatchObject({ retryable: true });
        } else expect(failed).toBeInstanceOf(RetryableError);
        store.faults.remove(fault);
        expect([await contents(store), store.unsynced()]).toEqual(before);
        expect(fault.hits).toBe(1);
      }),
    );
  });

  it("loses the reply of a request of any kind, after its effect", async () => {
    await fc.assert(
      fc.asyncProperty(ops, async (op) => {
        const [store, sound] = [new MemoryStore(), new MemoryStore()];
        for (const each of [store, sound]) await each.putIfAbsent("a", [bytesOf("old")], { durable: false });
        const fault = store.faults.add({ op, action: "failAfter" });
        const failed = await rejection(requests[op](store));
        await requests[op](sound);
        expect(failed).toBeInstanceOf(WRITES.includes(op) ? OutcomeUnknownError : RetryableError);
        expect(failed).toMatchObject({ retryable: true });
        store.faults.remove(fault);
        expect(await contents(store)).toEqual(await contents(sound));
        expect(store.unsynced()).toEqual(sound.unsynced());
      }),
    );
  });

  it("loses the reply that says no, too", async () => {
    const store = new MemoryStore();
    await store.putIfAbsent("a", [bytesOf("theirs")]);
    store.faults.add({ op: "putIfAbsent", action: "failAfter" });
    expect(await rejection(store.putIfAbsent("a", [bytesOf("ours")]))).toBeInstanceOf(OutcomeUnknownError);
    expect(await rejection(store.putIfAbsent("a", [bytesOf("ours")]))).toBeInstanceOf(ObjectExistsError);
    expect(await contents(store)).toEqual({ a: "theirs" });
  });

  it("fails the sync of what can be seen already, for good", async () => {
    const store = new MemoryStore();
    await store.putIfAbsent("wal/0", [], { durable: false });
    await store.sync(["wal/0"]);
    store.faults.add({ key: "wal/", action: "failAfter", at: "sync", times: 2 });
    const failed = await rejection(store.putIfAbsent("wal/1", [bytesOf("x")]));
    expect(failed).toBeInstanceOf(OutcomeUnknownError);
    expect(failed).toMatchObject({ retryable: false });
    expect(await contents(store)).toEqual({ "wal/0": "", "wal/1": "x" });
    expect(store.unsynced()).toEqual(["wal/1"]);
    expect(await rejection(store.sync(["wal/1"]))).toMatchObject({ name: "OutcomeUnknownError", retryable: false });
    expect(store.unsynced()).toEqual(["wal/1"]);
    await store.sync(["wal/1"]);
    expect(store.unsynced()).toEqual([]);
  });

  it("delays a request until it is released", async () => {
    const store = new MemoryStore();
    const fault = store.faults.add({ op: "putIfAbsent", action: "delay" });
    let settled = false;
    const put = store.putIfAbsent("a", []).then(() => {
      settled = true;
    });
    await new Promise(setImmediate);
    expect([settled, fault.held, await contents(store)]).toEqual([false, 1, {}]);
    fault.release();
    await put;
    expect([fault.held, await contents(store)]).toEqual([0, { a: "" }]);
  });

  it("delays a request by the store's clock", async () => {
    const asked: number[] = [];
    let wake: () => void = () => undefined;
    const sleep = (ms: number): Promise<void> => {
      asked.push(ms);
      return new Promise((resolve) => {
        wake = resolve;
      });
    };
    const store = new MemoryStore({ sleep });
    store.faults.add({ op: "putIfAbsent", action: "delay", ms: 250 });
    const put = store.putIfAbsent("a", []);
    await new Promise(setImmediate);
    expect(asked).toEqual([250]);
    expect(await contents(store)).toEqual({});
    wake();
    await put;
    expect(await contents(store)).toEqual({ a: "" });
  });

  it("lets two requests take effect the other way round", async () => {
    const store = new MemoryStore();
    const fault = store.faults.add({ op: "put", key: "hint", action: "reorder" });
    const order: string[] = [];
    const first = store.put("hint", [bytesOf("first")]).then(() => order.push("first"));
    await store.put("other", []);
    const second = store.put("hint", [bytesOf("second")]).then(() => order.push("second"));
    await Promise.all([first, second]);
    expect(text(await store.get("hint"))).toBe("first");
    expect(fault.hits).toBe(2);
    await store.put("hint", [bytesOf("third")]);
    expect(text(await store.get("hint"))).toBe("third");
  });

  it("lets the later of two creations win", async () => {
    const store = new MemoryStore();
    store.faults.add({ op: "putIfAbsent", nth: 2, action: "reorder" });
    await store.putIfAbsent("other", []);
    const outcomes = await Promise.allSettled([
      store.putIfAbsent("a", [bytesOf("1")]),
      store.putIfAbsent("a", [bytesOf("2")]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(text(await store.get("a"))).toBe("2");
  });

  it("holds a request back for good that has nothing to change places with, until released", async () => {
    const store = new MemoryStore();
    const fault = store.faults.add({ op: "put", action: "reorder" });
    const put = store.put("a", []);
    expect(fault.held).toBe(1);
    store.faults.clear();
    await put;
    expect(await contents(store)).toEqual({ a: "" });
  });

  it("tears an object for all to see, or for who comes after a loss of power", async () => {
    const store = new MemoryStore();
    store.faults.add({ key: "seen", action: "tear", image: "visible", bytes: 2 });
    store.faults.add({ key: "later", action: "tear", bytes: 3 });
    store.faults.add({ key: "chance", action: "tear" });
    for (const key of ["seen", "later", "chance", "sound"]) await store.putIfAbsent(key, [bytesOf("abcd")]);
    expect(await contents(store)).toEqual({ seen: "ab", later: "abcd", chance: "abcd", sound: "abcd" });
    expect(store.unsynced()).toEqual(["chance", "later"]);
    store.powerLoss("kept");
    const left = await contents(store);
    expect(left).toMatchObject({ seen: "ab", later: "abc", sound: "abcd" });
    expect(left["chance"]?.length).toBeLessThan(4);
  });

  it("hits the requests it is about, from the nth on, as often as told", async () => {
    const failed = async (rule: Partial<FaultRule>, puts = 6): Promise<number[]> => {
      const store = new MemoryStore();
      store.faults.add({ action: "failBefore", ...rule });
      const found: number[] = [];
      for (let i = 1; i <= puts; i++) {
        await store.head(`wal/${i}`).catch(() => undefined);
        const view = i % 2 === 0 ? store.view({ actor: "even" }) : store;
        await view.putIfAbsent(`wal/${i}`, []).catch(() => found.push(i));
      }
      return found;
    };
    const op = "putIfAbsent";
    expect(await failed({ op })).toEqual([1]);
    expect(await failed({ op, nth: 3 })).toEqual([3]);
    expect(await failed({ op, nth: 2, times: 3 })).toEqual([2, 3, 4]);
    expect(await failed({ op, nth: 5, times: Number.POSITIVE_INFINITY })).toEqual([5, 6]);
    expect(await failed({ op, key: "wal/3" })).toEqual([3]);
    expect(await failed({ op, key: "al/3" })).toEqual([]);
    expect(await failed({ op, key: /[23]$/g, times: 9 })).toEqual([2, 3]);
    expect(await failed({ op, actor: "even", times: 2 })).toEqual([2, 4]);
    expect(await failed({ op, actor: "main", nth: 2 })).toEqual([3]);
    expect(await failed({ op: ["head", "get"], times: 99 })).toEqual([]);
    expect(await failed({ times: 4 })).toEqual([1, 2]);
    expect(await failed({ op, chance: 0, times: 99 })).toEqual([]);
    const some = await failed({ op, chance: 0.5, times: 99 }, 100);
    expect(some.length).toBeGreaterThan(30);
    expect(some.length).toBeLessThan(70);
  });

  it("comes before the rules added after it, all of which count", async () => {
    const store = new MemoryStore();
    const first = store.faults.add({ op: "put", action: "failBefore", error: "retryable" });
    const second = store.faults.add({ op: "put", action: "failBefore", times: 2 });
    expect(await rejection(store.put("a", []))).toBeInstanceOf(RetryableError);
    expect(await rejection(store.put("a", []))).toBeInstanceOf(StorageError);
    await store.put("a", []);
    expect([first.seen, first.hits, second.seen, second.hits]).toEqual([3, 1, 3, 1]);
  });

  it.each([{ nth: 0 }, { nth: 1.5 }, { times: 0 }, { times: Number.NaN }, { chance: 2 }, { chance: Number.NaN }])(
    "that makes no sense is refused: %o",
    (filter) => {
      expect(() => new MemoryStore().faults.add({ action: "failBefore", ...filter })).toThrow(UsageError);
    },
  );
});

describe("a view", () => {
  it("asks its scheduler before every step, others not", async () => {
    const steps: string[] = [];
    const store = new MemoryStore({ pageSize: 2 });
    const view = store.view({
      actor: "one",
      step: ({ actor, op, key, phase }) => void steps.push(`${actor} ${op} ${key} ${phase}`),
    });
    await store.putIfAbsent("a/0", []);
    await view.putIfAbsent("a/1", []);
    await view.putIfAbsent("a/2", [], { durable: false });
    await view.sync(["a/2"]);
    for await (const _ of view.list("a/"));
    expect(steps).toEqual([
      "one putIfAbsent a/1 request",
      "one putIfAbsent a/1 sync",
      "one putIfAbsent a/1 reply",
      "one putIfAbsent a/2 request",
      "one putIfAbsent a/2 reply",
      "one sync a/2 request",
      "one sync a/2 sync",
      "one sync a/2 reply",
      "one list a/ request",
      "one list a/ reply",
      "one list a/ request",
      "one list a/ reply",
    ]);
  });

  it("takes part in every order of steps: one of two creations wins, and both see it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom("one", "two"), { minLength: 8, maxLength: 8 }), async (order) => {
        const gate = new Turnstile();
        const store = new MemoryStore();
        const outcomes = ["one", "two"].map(async (actor) => {
          const view = store.view({ actor, step: gate.step });
          const won = await view.putIfAbsent("a", [bytesOf(actor)]).then(
            () => true,
            (error: unknown) => !(error instanceof ObjectExistsError),
          );
          return { actor, won, saw: text(await view.get("a")) };
        });
        await new Promise(setImmediate);
        // Who has nothing left to do passes its turn on to the other.
        for (const actor of [...order, ...order, ...order]) {
          const waiting = gate.waiting.some((line) => line.startsWith(actor));
          const other = gate.waiting[0]?.split(" ")[0];
          if (waiting) await gate.pass(actor);
          else if (other !== undefined) await gate.pass(other);
        }
        const [one, two] = await Promise.all(outcomes);
        const [first] = order;
        expect([one?.won, two?.won]).toEqual([first === "one", first === "two"]);
        expect([one?.saw, two?.saw]).toEqual([first, first]);
      }),
    );
  });

  it("that was killed does nothing more, but for what a rule has under way", async () => {
    const store = new MemoryStore();
    const gate = new Turnstile();
    const view = store.view({ actor: "dying", step: gate.step });
    const unsent = rejection(view.putIfAbsent("unsent", []));
    const late = store.view({ actor: "late" });
    store.faults.add({ actor: "late", action: "delay" });
    const delayed = rejection(late.putIfAbsent("delayed", []));
    view.kill();
    late.kill();
    await gate.pass("dying");
    expect(await unsent).toBeInstanceOf(ClosedError);
    expect(await contents(store)).toEqual({});
    store.faults.clear();
    expect(await delayed).toBeInstanceOf(ClosedError);
    expect(await contents(store)).toEqual({ delayed: "" });
    expect(store.unsynced(), "nobody was there to sync it").toEqual(["delayed"]);
    expect(await rejection(view.get("delayed"))).toBeInstanceOf(ClosedError);
  });

  it("that was killed between effect and sync leaves an object that is not durable", async () => {
    const store = new MemoryStore();
    const gate = new Turnstile();
    const view = store.view({ actor: "dying", step: gate.step });
    const put = rejection(view.putIfAbsent("a", []));
    await gate.pass("dying");
    view.kill();
    await gate.pass("dying");
    expect(await put).toBeInstanceOf(ClosedError);
    expect(store.unsynced()).toEqual(["a"]);
  });

  it("can be closed without the others", async () => {
    const store = new MemoryStore();
    const view = store.view({ actor: "one" });
    await view.putIfAbsent("a", []);
    await view.close();
    expect(await store.head("a")).toEqual({ key: "a", bytes: 0 });
    await store.close();
    expect(await contents(store.view({ actor: "two" }))).toEqual({ a: "" });
  });

  it("sees in a listing what came between its pages", async () => {
    const store = new MemoryStore({ pageSize: 2 });
    for (const key of ["a", "c", "e", "g"]) await store.put(key, []);
    const seen: string[] = [];
    for await (const { key } of store.list("")) {
      seen.push(key);
      if (key === "a") for (const come of ["b", "d"]) await store.put(come, []);
      if (key === "c") await store.delete("g");
    }
    expect(seen).toEqual(["a", "c", "d", "e"]);
  });
});

describe("a store", () => {
  it.each([0, -1, 1.5, Number.NaN])("refuses pages of %s objects", (pageSize) => {
    expect(() => new MemoryStore({ pageSize })).toThrow(UsageError);
  });

  it("has done a request when the method returns, without rules and schedulers", () => {
    const store = new MemoryStore();
    void store.putIfAbsent("a", [bytesOf("x")]);
    expect(store.unsynced()).toEqual([]);
    const durable = store.snapshotDurable();
    store.powerLoss("lost");
    void store.delete("a");
    expect(store.unsynced()).toEqual(["a"]);
    void durable.delete("a");
    expect(durable.unsynced()).toEqual(["a"]);
  });

  it("copies what is put when it is put", async () => {
    const bytes = bytesOf("abc");
    const store = new MemoryStore();
    const fault = store.faults.add({ action: "delay" });
    const put = store.putIfAbsent("a", [bytes]);
    bytes.fill(0);
    fault.release();
    await put;
    expect(await contents(store)).toEqual({ a: "abc" });
  });
});

describe("seeded random numbers", () => {
  it("repeat for a seed, differ between seeds, and spread over [0, 1)", () => {
    const draw = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 10_000 }, random);
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1).slice(0, 10)).not.toEqual(draw(2).slice(0, 10));
    const numbers = draw(-3);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    for (let tenth = 0; tenth < 10; tenth++)
      expect(Math.abs(numbers.filter((number) => Math.floor(number * 10) === tenth).length - 1000)).toBeLessThan(150);
  });
});
