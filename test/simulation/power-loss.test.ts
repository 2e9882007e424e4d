/**
 * A loss of power at every step of a history: of each moment an image is kept of what the disk would hold, with what had been promised by
 * then, and each image is opened afterwards.
 */
import { describe, expect, it } from "vitest";
import { CorruptError } from "../../src/errors.js";
import { parseWalKey, WAL_PREFIX } from "../../src/lance/names.js";
import { MemoryStore } from "../../src/storage/memory-store.js";
import type { ObjectStore } from "../../src/storage/object-store.js";
import type { RowsInput } from "../../src/writer/put-rows.js";
import { ShardWriter } from "../../src/writer/shard-writer.js";
import { systemTimers } from "../../src/writer/timers.js";
import type { Durability } from "../../src/writer/waiting-put.js";
import { History, type LoggedRow, type Put } from "./history.js";
import { LogReader } from "./log-view.js";
import { batchOfRows, rowOf, rowsOfStore, schema } from "./rows.js";
import { SHARD_ID } from "./simulated-writer.js";

const FATES = ["lost", "torn", "kept", "random", "random", "random"] as const;
const reader = new LogReader();

/** What a loss of power at one moment leaves, and what must be there then. */
interface Moment {
  readonly step: string;
  readonly fate: (typeof FATES)[number];
  readonly image: MemoryStore;
  readonly required: readonly Put[];
  /** Entries that were not durable: they may be gone. */
  readonly open: ReadonlySet<number>;
}

describe.each<[string, readonly Durability[]]>([
  ["disk", ["disk"]],
  ["os", ["os"]],
  ["memory", ["memory"]],
  ["mixed", ["os", "memory", "disk", "os", "os", "memory"]],
])("a loss of power at any step, with durability %s", (name, durabilities) => {
  it("loses nothing that was promised to survive it", async () => {
    const history = new History();
    const moments = await play(history, durabilities);
    expect(moments.length).toBeGreaterThan(100);
    let repaired = 0;
    for (const moment of moments) if (await recover(history, moment)) repaired++;
    // What is synced before it has a name is never torn; a writer that promises less may leave less.
    if (name === "disk") expect(repaired).toBe(0);
    else expect(repaired).toBeGreaterThan(0);
  });
});

/** A history of three writers; the last one takes over from the second, which has not closed. */
async function play(history: History, durabilities: readonly Durability[]): Promise<Moment[]> {
  const moments: Moment[] = [];
  const whole = new Map<string, Set<number>>();
  const store: MemoryStore = new MemoryStore({
    step: async (step) => {
      const required = history.required().filter(({ strength }) => strength === 2);
      // Most steps change neither what there is nor what was promised.
      const state = [required.length, ...(await keysOf(store.snapshotDurable())), "|", ...store.unsynced()].join(" ");
      if (state === former) return;
      former = state;
      const open = new Set(store.unsynced().flatMap((key) => parseWalKey(key) ?? []));
      for (const fate of FATES) {
        const image = store.afterPowerLoss(fate);
        await mend(image, whole);
        moments.push({ step: `${step.op} ${step.key} ${step.phase}`, fate, image, required, open });
      }
    },
  });
  let former = "";
  let turn = 0;
  const durability = (): Durability => durabilities[turn++ % durabilities.length] ?? "disk";

  const first = await open("a", remembering(store, whole));
  await put(first, "a", history, 1, durability(), rowOf);
  await put(first, "a", history, 70, durability());
  const together = [3, 1, 5].map((rows) => put(first, "a", history, rows, durability()));
  await Promise.all(together);
  await put(first, "a", history, 2, durability(), [1, 1]);
  await first.close();
  history.closed("a");

  const second = await open("b", remembering(store, whole));
  await put(second, "b", history, 4, durability());
  await put(second, "b", history, 65, durability());

  const third = await open("c", remembering(store, whole));
  const ids = new Set(rowsOf(third).map(({ id }) => id));
  history.replayed(history.puts.filter(({ first }) => ids.has(first)));
  await put(second, "b", history, 1, "disk").catch(() => {});
  await put(third, "c", history, 3, durability());
  await third.close();
  history.closed("c");
  return moments;
}

function open(writer: string, store: ObjectStore): Promise<ShardWriter> {
  const writerId = Buffer.from(writer).toString("hex").padStart(32, "0");
  const timers = { ...systemTimers, set: () => undefined, sleep: () => Promise.resolve() };
  const options = { schema, primaryKey: ["id"], memtableBytes: 65_536, writerId, timers };
  return ShardWriter.open({ ...options, log: { store }, shardId: SHARD_ID });
}

async function put(
  writer: ShardWriter,
  name: string,
  history: History,
  rows: number,
  durability: Durability,
  form: typeof rowOf | readonly number[] | undefined = undefined,
): Promise<void> {
  const put = history.begin({
    writer: name,
    epoch: writer.epoch,
    rows,
    deletes: false,
    durability,
    counters: new Map(),
  });
  let input: RowsInput = batchOfRows(put.first, rows);
  if (typeof form === "function") input = Array.from({ length: rows }, (_, i) => form(put.first + i));
  else if (form !== undefined) input = form.map((size, i) => batchOfRows(put.first + sum(form.slice(0, i)), size));
  try {
    history.acknowledged(put, await writer.put(input, { durability }));
  } catch (error) {
    put.outcome = "unknown";
    throw error;
  }
}

/** Keeps in mind which objects are put durably, and how large they may be: not every put gets its key. */
function remembering(store: MemoryStore, whole: Map<string, Set<number>>): ObjectStore {
  return {
    name: store.name,
    putIfAbsent: (key, parts, options) => {
      const sizes = whole.get(key) ?? new Set();
      if (options?.durable !== false) whole.set(key, sizes.add(sum(parts.map(({ byteLength }) => byteLength))));
      return store.putIfAbsent(key, parts, options);
    },
    put: (key, parts) => store.put(key, parts),
    get: (key, options) => store.get(key, options),
    getRange: (key, start, end, options) => store.getRange(key, start, end, options),
    head: (key) => store.head(key),
    list: (prefix, options) => store.list(prefix, options),
    delete: (key) => store.delete(key),
    sync: (keys) => store.sync(keys),
    close: async () => {},
  };
}

/** On a disk, what is put durably has all its bytes before it has its name: where the image has a part of it, it has nothing. */
async function mend(image: MemoryStore, whole: ReadonlyMap<string, ReadonlySet<number>>): Promise<void> {
  for await (const { key } of image.list("")) {
    const found = await image.head(key);
    if (found !== undefined && whole.get(key)?.has(found.bytes) === false) await image.delete(key);
  }
  image.powerLoss("kept");
}

/** @returns whether entries had to be set aside */
async function recover(history: History, { step, fate, image, required, open: perhaps }: Moment): Promise<boolean> {
  const where = `${fate} at ${step}`;
  let repaired = false;
  let writer: ShardWriter;
  try {
    writer = await open("d", image.view({ actor: "d" }));
  } catch (error) {
    expect(error, where).toBeInstanceOf(CorruptError);
    expect(perhaps.size, `${where}: ${error}`).toBeGreaterThan(0);
    await setAside(image, Math.min(...perhaps));
    writer = await open("d", image.view({ actor: "d" }));
    repaired = true;
  }
  const { rows: logged } = await reader.read(image);
  expect(
    rowsOf(writer).map(({ id }) => id),
    where,
  ).toEqual(logged.map(({ id }) => id));
  history.check(logged, required, where);
  await writer.put(rowOf(history.rows));
  await writer.close();
  return repaired;
}

/** Of all memtables. */
function rowsOf(writer: ShardWriter): LoggedRow[] {
  return writer.memtables.flatMap(({ store }) => rowsOfStore(store, () => ({ entry: 0, batch: 0, epoch: 0 })));
}

async function setAside(image: MemoryStore, from: number): Promise<void> {
  for await (const { key } of image.list(WAL_PREFIX)) {
    if ((parseWalKey(key) ?? 0) >= from) await image.delete(key);
  }
  image.powerLoss("kept");
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list("")) keys.push(key);
  return keys;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
