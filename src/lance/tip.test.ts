import { beforeEach, describe, expect, it } from "vitest";
import { CorruptError } from "../errors.js";
import { MemoryStore } from "../storage/memory-store.js";
import { manifestKey, walKey } from "./names.js";
import { discoverTip } from "./tip.js";

describe("discoverTip", () => {
  let store: MemoryStore;

  beforeEach(() => {
    store = new MemoryStore({ pageSize: 2 });
  });

  async function write(...positions: number[]): Promise<void> {
    for (const position of positions) await store.putIfAbsent(walKey(position), []);
  }

  it("is 1 in an empty log", async () => {
    expect(await discoverTip(store, 0)).toBe(1);
  });

  it("lies behind the newest entry", async () => {
    for (let position = 1; position <= 20; position++) {
      await write(position);
      expect(await discoverTip(store, 0)).toBe(position + 1);
      expect(await discoverTip(store, position >> 1)).toBe(position + 1);
    }
  });

  it("lies behind what SSTables cover, whatever of it is left", async () => {
    expect(await discoverTip(store, 12)).toBe(13);
    await write(3, 7);
    expect(await discoverTip(store, 12)).toBe(13);
    await write(13, 14);
    expect(await discoverTip(store, 12)).toBe(15);
  });

  it("passes over other names, and position 0", async () => {
    await write(0, 1);
    await store.put("wal/leftover.arrow.tmp", []);
    await store.put(`wal/${"0".repeat(63)}1.arrow`, []);
    await store.put(manifestKey(5), []);
    expect(await discoverTip(store, 0)).toBe(2);
  });

  it.each([
    [0, [2], 1],
    [0, [1, 2, 4, 5], 3],
    [3, [1, 2, 3, 5], 4],
    [0, [1, 2 ** 52], 2],
  ])("names the first missing entry behind %i of %j", async (replayAfter, positions, missing) => {
    await write(...positions);
    await expect(discoverTip(store, replayAfter)).rejects.toThrow(CorruptError);
    await expect(discoverTip(store, replayAfter)).rejects.toThrow(`${store.name}/${walKey(missing)}`);
  });

  it("takes an entry that came in the midst of the listing for no gap", async () => {
    // By their reversed names they are listed in the order 4, 2, 1, 3: behind 1 it is too late for 2, and not for 3.
    await write(1, 4);
    let pages = 0;
    const reader = store.view({
      step: async ({ op, phase }) => {
        if (op === "list" && phase === "request" && ++pages === 2) await write(2, 3);
      },
    });
    expect(await discoverTip(reader, 0)).toBe(5);
  });
});
