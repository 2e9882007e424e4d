import { expect, it } from "vitest";
import { walKey } from "../lance/names.js";
import { encodeSentinel } from "../lance/wal-entry.js";
import { MemoryStore } from "../storage/memory-store.js";
import { Bench, batchOfRows, storage, turn } from "../writer/writer.fixture.js";
import { ChangeSource, END_OF_ENTRY } from "./change-source.js";

it("does not take an entry for collected that comes while it is looked for", async () => {
  const store = new MemoryStore().view({ actor: "follower" });
  const get = store.get.bind(store);
  let looks = 0;
  store.get = async (key, options) => {
    const bytes = get(key, options);
    await bytes.catch(() => {});
    // Right behind the first look two entries come.
    if (looks++ === 0) for (const entry of [1, 2]) await store.putIfAbsent(walKey(entry), [encodeSentinel(1)]);
    return bytes;
  };
  const source = new ChangeSource({ memtables: [], store, storages: [storage] }, (batch) => batch.entry);
  expect(await source.next({ entry: 0, batch: END_OF_ENTRY })).toBeUndefined();
  expect(looks).toBe(4);
  await store.delete(walKey(1));
  await expect(source.next({ entry: 0, batch: END_OF_ENTRY })).rejects.toMatchObject({ code: "Gone" });
});

it("makes what it gives of a batch in memory at once: that memory may be used anew by the next microtask", async () => {
  const bench = new Bench();
  void bench.put(batchOfRows(0, 80));
  await turn();
  const { all } = bench.memtables;
  all[0]?.store.advanceDurable(1);
  const made: number[] = [];
  const store = new MemoryStore().view({ actor: "follower" });
  const source = new ChangeSource({ memtables: all, store, storages: [storage] }, ({ rows }) =>
    made.push(rows.numRows),
  );
  const next = source.next({ entry: 0, batch: END_OF_ENTRY });
  expect(made).toEqual([80]);
  expect(await next).toMatchObject({ entry: 1, batch: 0 });
});
