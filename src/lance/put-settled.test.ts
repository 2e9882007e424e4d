import { beforeEach, describe, expect, it } from "vitest";
import { OutcomeUnknownError, RetryableError, StorageError } from "../errors.js";
import { MemoryStore } from "../storage/memory-store.js";
import { putSettled } from "./put-settled.js";

const ours = Buffer.from("ours");
const theirs = Buffer.from("theirs");

describe("putSettled", () => {
  let store: MemoryStore;

  beforeEach(() => {
    store = new MemoryStore();
  });

  it("creates the object, or tells that the key is taken", async () => {
    expect(await putSettled(store, "key", ours)).toBe(true);
    expect(await putSettled(store, "key", theirs)).toBe(false);
    expect(Buffer.from(await store.get("key"))).toEqual(ours);
  });

  it("does not take for its own what was there before, be it the same", async () => {
    await store.putIfAbsent("key", [ours]);
    expect(await putSettled(store, "key", ours)).toBe(false);
  });

  it.each([1, 3, 7])("settles the outcome after %i lost replies", async (times) => {
    store.faults.add({ op: "putIfAbsent", action: "failAfter", times });
    expect(await putSettled(store, "key", ours)).toBe(true);
    store.faults.add({ op: "putIfAbsent", key: "taken", action: "failAfter", times });
    await store.put("taken", [theirs]);
    expect(await putSettled(store, "taken", ours)).toBe(false);
  });

  it("makes durable what an earlier try has put", async () => {
    store.faults.add({ op: "putIfAbsent", action: "failAfter" });
    // As a try does that ends before it has synced.
    const early = store.view({
      step: async ({ op, phase }) => {
        if (op === "get" && phase === "request") await store.put("key", [ours]);
      },
    });
    expect(await putSettled(early, "key", ours)).toBe(true);
    expect(store.unsynced()).toEqual([]);
  });

  it.each([1, 3, 7])("settles the outcome after %i requests that were lost on their way", async (times) => {
    store.faults.add({ op: "putIfAbsent", action: "failBefore", error: "unknown", times });
    expect(await putSettled(store, "key", ours)).toBe(true);
  });

  it("gives up after 8", async () => {
    const fault = store.faults.add({ op: "putIfAbsent", action: "failAfter", times: Number.POSITIVE_INFINITY });
    await expect(putSettled(store, "key", ours)).rejects.toThrow(OutcomeUnknownError);
    expect(fault.hits).toBe(8);
  });

  it("asks nothing twice whose outcome cannot be settled", async () => {
    const fault = store.faults.add({ op: "putIfAbsent", action: "failAfter", at: "sync" });
    await expect(putSettled(store, "key", ours)).rejects.toThrow(OutcomeUnknownError);
    expect(fault.seen).toBe(1);
  });

  it("passes on that nothing was written", async () => {
    store.faults.add({ op: "putIfAbsent", action: "failBefore" });
    await expect(putSettled(store, "key", ours)).rejects.toThrow(StorageError);
    store.faults.add({ op: "putIfAbsent", action: "failBefore", error: "retryable" });
    await expect(putSettled(store, "key", ours)).rejects.toThrow(RetryableError);
    expect(await store.head("key")).toBeUndefined();
  });
});
