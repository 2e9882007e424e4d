import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@lancedb/lancedb";
import { Table as ArrowTable, type RecordBatch, tableFromArrays, tableFromIPC, tableToIPC } from "apache-arrow";
import { afterAll, afterEach, describe, expect, expectTypeOf, it } from "vitest";
import {
  binary,
  ClosedError,
  ConflictError,
  FullError,
  GoneError,
  int32,
  int64,
  type OpenTableOptions,
  openTable,
  type Position,
  schema,
  type Table,
  timestamp,
  UsageError,
  utf8,
  vector,
} from "../index.js";
import { INDEX_HEADER_BYTES } from "../kernels/key-index.js";

const root = mkdtempSync(join(tmpdir(), "pennon-table-"));
const opened: { close(): Promise<void> }[] = [];
let count = 0;
afterEach(async () => {
  for (const table of opened.splice(0)) await table.close().catch(() => {});
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fresh = () => join(root, `db${count++}`, "notes");
const notes = schema({ id: int64(), at: timestamp("ms").nullable(), text: utf8(), v: vector(2).nullable() });
const small = { memtableBytes: 2 ** 20, maxMemoryBytes: 2 ** 26 };

async function openNotes(path: string, options: OpenTableOptions = {}) {
  const table = await openTable(path, { ...small, ...options, schema: notes, primaryKey: "id" });
  opened.push(table);
  return table;
}

async function rowsOf(batches: AsyncIterable<RecordBatch>): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const batch of batches) for (const row of batch) rows.push(row.toJSON());
  return rows;
}
const texts = async (table: Table<never, never, never> | { scan: Table["scan"] }) =>
  Object.fromEntries(
    (await rowsOf(table.scan({ select: ["id", "text"] }))).map((row) => [String(row["id"]), row["text"]]),
  );

describe("put, get, delete, scan", () => {
  it("keeps the newest row of each key, across reopening", async () => {
    const path = fresh();
    const table = await openNotes(path);
    const at = new Date(1_700_000_000_000);
    const first = await table.put({ id: 1n, at, text: "one", v: [1, 2] });
    const second = await table.put([
      { id: 2, text: "two" },
      { id: 3, text: "drei" },
      { id: 3, text: "three" },
    ]);
    expect(first < second).toBe(true);
    expect(await table.get(1n)).toEqual({ id: 1n, at, text: "one", v: Float32Array.of(1, 2) });
    expect(await table.get(3)).toEqual({ id: 3n, at: null, text: "three", v: null });
    expect(await table.get(4n)).toBeUndefined();
    await table.put({ id: 1n, text: "eins" });
    await table.delete([2n, 99n]);
    expect(await table.get(2n)).toBeUndefined();
    expect(await texts(table)).toEqual({ 1: "eins", 3: "three" });
    await table.close();

    const again = await openNotes(path);
    expect(await texts(again)).toEqual({ 1: "eins", 3: "three" });
    expect(await again.get(2n)).toBeUndefined();
    expect(again.stats()).toMatchObject({ rows: 7, epoch: 2 });
    await again.put({ id: 2n, text: "zwei" });
    expect(await texts(again)).toEqual({ 1: "eins", 2: "zwei", 3: "three" });
  });

  it("types rows from the schema", async () => {
    const table = await openNotes(fresh());
    const row = await table.get(1n);
    expectTypeOf(row).toEqualTypeOf<
      { id: bigint; at: Date | null; text: string; v: Float32Array | null } | undefined
    >();
    expectTypeOf(table.get).parameter(0).toEqualTypeOf<bigint | number>();
    // @ts-expect-error the text is missing
    await expect(table.put({ id: 1n })).rejects.toThrow(/"?text/);
    // @ts-expect-error a string is no key
    await expect(table.get("1")).rejects.toThrow(UsageError);
  });

  it("takes Arrow batches and tables, of any copy", async () => {
    const table = await openTable(fresh(), {
      schema: schema({ id: int32(), name: utf8() }),
      primaryKey: "id",
      ...small,
    });
    opened.push(table);
    const arrow = tableFromArrays({ id: Int32Array.of(1, 2, 3), name: ["a", "b", "c"] });
    const plain = tableFromIPC(tableToIPC(arrow));
    const column = plain.getChild("name");
    expect(column?.type.toString()).toMatch(/Dictionary/);
    await expect(table.put(plain)).rejects.toThrow(/"name"/);
    const made = tableFromArrays({ id: Int32Array.of(1, 2, 3) });
    const rows = await openTable(fresh(), { schema: made.schema, primaryKey: "id", ...small });
    opened.push(rows);
    await rows.put(made);
    await rows.put(made.batches);
    for (const batch of made.batches) await rows.put(batch.slice(1, 2));
    expect(rows.stats().rows).toBe(7);
    expect((await rowsOf(rows.scan())).map((row) => row["id"]).sort()).toEqual([1, 2, 3]);
  });

  it("has string, binary and composite keys", async () => {
    const columns = schema({ name: utf8(), tag: binary(), n: int32() });
    const both = await openTable(fresh(), { schema: columns, primaryKey: ["name", "tag"], ...small });
    opened.push(both);
    const tag = (n: number) => Uint8Array.of(n);
    await both.put([
      { name: "a", tag: tag(1), n: 1 },
      { name: "a", tag: tag(2), n: 2 },
      { name: "", tag: Uint8Array.of(), n: 3 },
      { name: "a", tag: tag(1), n: 4 },
    ]);
    expect(await both.get({ name: "a", tag: tag(1) })).toMatchObject({ n: 4 });
    expect(await both.get(["a", tag(2)])).toMatchObject({ n: 2 });
    expect(await both.get(["", Uint8Array.of()])).toMatchObject({ n: 3 });
    expect(await both.get(["b", tag(1)])).toBeUndefined();
    await both.delete([["a", tag(2)], { name: "", tag: Uint8Array.of() }]);
    expect((await rowsOf(both.scan({ select: ["n"] }))).map(({ n }) => n)).toEqual([4]);
    // @ts-expect-error one part of two
    await expect(both.get({ name: "a" })).rejects.toThrow(UsageError);
    await expect(both.get(["a"])).rejects.toThrow(UsageError);
  });

  it("selects columns and stops at the limit", async () => {
    const table = await openNotes(fresh());
    await table.put(Array.from({ length: 5_000 }, (_, i) => ({ id: i, text: `t${i}` })));
    await table.put(Array.from({ length: 10 }, (_, i) => ({ id: i, text: `u${i}` })));
    const some = await rowsOf(table.scan({ select: ["text"], limit: 12 }));
    expect(some).toHaveLength(12);
    expect(some.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => ({ text: `u${i}` })));
    expect(await rowsOf(table.scan({ limit: 0 }))).toEqual([]);
    expect(await rowsOf(table.scan())).toHaveLength(5_000);
    const batches: RecordBatch[] = [];
    for await (const batch of table.scan({ select: ["text", "id"] })) batches.push(batch);
    expect(batches.map(({ numRows }) => numRows).reduce((a, b) => a + b)).toBe(5_000);
    expect(new ArrowTable(batches).schema.fields.map((field) => field.name)).toEqual(["text", "id"]);
    for (const wrong of [
      { select: ["nope"] },
      { select: ["id", "id"] },
      { limit: -1 },
      { limit: 1.5 },
      { where: "id" },
    ]) {
      expect(() => table.scan(wrong)).toThrow(UsageError);
    }
  });

  it("hands out batches that stay as they are, whatever becomes of the memory their rows lay in", async () => {
    const table = await openNotes(fresh(), { memtableBytes: 2 ** 18 });
    await table.put(Array.from({ length: 2_000 }, (_, i) => ({ id: i, text: "first" })));
    const kept: RecordBatch[] = [];
    for await (const batch of table.scan({ select: ["text"] })) kept.push(batch);
    for (let i = 0; i < 20; i++) {
      await table.put(Array.from({ length: 2_000 }, (_, j) => ({ id: 2_000 * i + j, text: "later" })));
      await table.flush();
    }
    const texts = kept.flatMap((batch) => [...(batch.getChildAt(0) ?? [])]);
    expect(new Set(texts)).toEqual(new Set(["first"]));
    expect(texts).toHaveLength(2_000);
  });

  it("scans one moment, whatever is put meanwhile", async () => {
    const table = await openNotes(fresh());
    const rows = (text: string, from: number) => Array.from({ length: 2_000 }, (_, i) => ({ id: from + i, text }));
    for (const from of [0, 2_000, 4_000]) await table.put(rows("old", from));
    const scan = table.scan({ select: ["text"] });
    const first = await scan.next();
    for (const from of [0, 2_000, 4_000]) await table.put(rows("new", from));
    expect(new Set(Object.values(await texts(table)))).toEqual(new Set(["new"])); // the index has them
    let seen = first.done ? 0 : first.value.numRows;
    for await (const batch of scan) {
      seen += batch.numRows;
      expect([...batch].every((row) => row["text"] === "old")).toBe(true);
    }
    expect(seen).toBe(6_000);
  });

  it("refuses rows one by one, and goes on", async () => {
    const table = await openNotes(fresh());
    await expect(table.put({ id: 1n, text: "x", other: 1 } as never)).rejects.toThrow(/other/);
    await expect(table.put({ id: 2 ** 60, text: "x" })).rejects.toThrow(UsageError);
    await expect(table.put(null as never)).rejects.toThrow(UsageError);
    await expect(table.put("text" as never)).rejects.toThrow(UsageError);
    await expect(table.put([{ id: 1n, text: "a" }, { id: null }] as never)).rejects.toThrow(/id/);
    await expect(table.delete([null] as never)).rejects.toThrow(UsageError);
    await expect(table.delete(1n as never)).rejects.toThrow(UsageError);
    await expect(table.put(Array.from({ length: 100_001 }, (_, id) => ({ id, text: "" })))).rejects.toThrow(FullError);
    const before = await table.put([]);
    expect((await table.put({ id: 1n, text: "x" })) > before).toBe(true);
    expect(await texts(table)).toEqual({ 1: "x" });
  });

  it("agrees with a map, whatever is put and deleted", async () => {
    const table = await openNotes(fresh(), { memtableBytes: 2 ** 17 });
    const model = new Map<string, string>();
    for (let round = 0; round < 60; round++) {
      const puts = Array.from({ length: 1 + (round % 7) * 40 }, () => ({
        id: Math.floor(Math.random() * 500),
        text: `r${round}-${Math.random()}`,
      }));
      for (const { id, text } of puts) model.set(String(id), text);
      const calls: Promise<Position>[] = [table.put(puts)];
      if (round % 3 === 0) {
        const keys = Array.from({ length: 5 }, () => Math.floor(Math.random() * 500));
        for (const key of keys) model.delete(String(key));
        calls.push(table.delete(keys));
      }
      await Promise.all(calls);
      if (round % 10 === 9) expect(await texts(table)).toEqual(Object.fromEntries(model));
    }
    expect(table.stats().memtables.length).toBeGreaterThan(1);
    for (let id = 0; id < 500; id++) expect((await table.get(id))?.text).toBe(model.get(String(id)));
  });
});

describe("iterables", () => {
  it("puts what generators, streams and sets bring", async () => {
    const table = await openNotes(fresh(), { memtableBytes: 2 ** 23 });
    const row = (id: number) => ({ id, text: `t${id}` });
    function* many() {
      for (let id = 0; id < 10_000; id++) yield row(id);
    }
    await table.put(many());
    expect(table.stats().rows).toBe(10_000);
    await table.put(new Set([row(1), row(2)]));
    async function* slow() {
      yield row(20_000);
      await sleep(5);
      yield [row(20_001), row(20_002)];
      yield row(20_003);
    }
    await table.put(slow());
    await table.put(Readable.from([row(30_000), row(30_001)]));
    expect(Object.keys(await texts(table))).toHaveLength(10_006);
    async function* none() {}
    expect(await table.put(none())).toMatch(/^[0-9a-f]{16}-/);
  });

  it("makes rows durable while the source lets it wait", async () => {
    const table = await openNotes(fresh());
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* waiting() {
      yield { id: 1, text: "early" };
      await gate;
      yield { id: 2, text: "late" };
    }
    const put = table.put(waiting());
    for (let i = 0; i < 200 && (await table.get(1)) === undefined; i++) await sleep(5);
    expect(await table.get(1)).toMatchObject({ text: "early" });
    expect(await table.get(2)).toBeUndefined();
    release();
    await put;
    expect(await table.get(2)).toMatchObject({ text: "late" });
  });

  it("stops at the first failure, and tells the source", async () => {
    const table = await openNotes(fresh());
    let ended = false;
    async function* broken() {
      try {
        yield [{ id: 1, text: "a" }];
        yield [{ id: 2, text: null as never }];
        for (let id = 3; ; id++) yield [{ id, text: "never ending" }];
      } finally {
        ended = true;
      }
    }
    await expect(table.put(broken())).rejects.toThrow(/text/);
    expect(ended).toBe(true);
    expect(await table.get(1)).toBeDefined();
    expect(table.stats().rows).toBeLessThan(100);
    async function* failing() {
      yield { id: 7, text: "seven" };
      throw new Error("the source failed");
    }
    await expect(table.put(failing())).rejects.toThrow("the source failed");
  });

  it("stops waiting for a source when a put has failed, or the signal aborts", async () => {
    const table = await openNotes(fresh());
    async function* stuck(text: string | null) {
      yield { id: 1, text: text as string };
      await new Promise(() => {});
    }
    await expect(table.put(stuck(null))).rejects.toThrow(UsageError);
    const controller = new AbortController();
    const put = table.put(stuck("fine"), { signal: controller.signal });
    await sleep(20);
    controller.abort(new Error("enough"));
    await expect(put).rejects.toThrow("enough");
    expect(await table.get(1)).toMatchObject({ text: "fine" });
  });
});

describe("append-only tables", () => {
  const events = schema({ name: utf8() });
  const open = async (path: string) => {
    const table = await openTable(path, { schema: events, ...small });
    opened.push(table);
    return table;
  };

  it("number their rows, across reopening", async () => {
    const path = fresh();
    const table = await open(path);
    await Promise.all([table.put({ name: "a" }), table.put([{ name: "b" }, { name: "c" }])]);
    const batch = tableFromArrays({ name: ["x"] }).batches[0];
    expect(batch).toBeDefined();
    await expect(table.put({ name: "d", _row_id: 1n } as never)).rejects.toThrow(/_row_id/);
    await expect(table.put({ name: 1 as never })).rejects.toThrow(UsageError); // leaves a gap
    expectTypeOf(await table.get(0n)).toEqualTypeOf<{ _row_id: bigint; name: string } | undefined>();
    expect(await table.get(2)).toEqual({ _row_id: 2n, name: "c" });
    const last = (await rowsOf(table.scan())).map((row) => row["_row_id"]);
    expect(last.sort()).toEqual([0n, 1n, 2n]);
    await table.close();
    const again = await open(path);
    await again.put({ name: "e" });
    const ids = (await rowsOf(again.scan())).map((row) => Number(row["_row_id"])).sort();
    expect(ids.slice(0, 3)).toEqual([0, 1, 2]);
    expect(ids[3]).toBeGreaterThan(2);
    await again.delete([0n]);
    expect(await again.get(0n)).toBeUndefined();
  });

  it("go on numbering when LanceDB has flushed the log, and written rows of its own", async () => {
    const path = fresh();
    const table = await open(path);
    await table.put([{ name: "a" }, { name: "b" }]);
    await table.close();
    const lance = await (await connect(join(path, ".."))).openTable("notes");
    const upsert = lance.mergeInsert("_row_id").whenMatchedUpdateAll().whenNotMatchedInsertAll().useLsm(true);
    await upsert.execute([{ _row_id: 40n, name: "theirs" }]);
    await lance.closeLsmWriters(); // flushes everything into an SSTable
    const again = await open(path);
    expect(again.stats().replayed.rows).toBe(0);
    await again.put({ name: "c" });
    expect(await again.get(41n)).toEqual({ _row_id: 41n, name: "c" });
  });

  it("have no index until rows are deleted, then find all the same, also once they are replayed", async () => {
    const path = fresh();
    const table = await open(path);
    const indexBytes = (each: typeof table) => each.stats().memtables.map((memtable) => memtable.indexBytes);
    for (let i = 0; i < 20; i++) {
      const puts = Array.from({ length: 10 }, (_, j) => table.put([{ name: `${i}.${j}` }, { name: "second" }]));
      await Promise.all([...puts, table.put({ name: "quick" }, { durability: "memory" })]);
    }
    expect(indexBytes(table)).toEqual([INDEX_HEADER_BYTES]);
    expect(await table.get(21n)).toMatchObject({ name: "1.0" });
    await table.delete([21n, 400n]);
    await table.put({ name: "last" });
    expect(indexBytes(table)[0]).toBeGreaterThan(4_096);
    const check = async (each: typeof table) => {
      expect(await each.getMany([20n, 21n, 22n, 400n, 420n, 421n])).toEqual(
        ["quick", undefined, "second", undefined, "last", undefined].map(
          (name) => name && expect.objectContaining({ name }),
        ),
      );
      const ids = (await rowsOf(each.scan())).map((row) => Number(row["_row_id"])).sort((a, b) => a - b);
      expect(ids).toEqual(Array.from({ length: 421 }, (_, i) => i).filter((id) => id !== 21 && id !== 400));
    };
    await check(table);
    await table.close();
    const again = await open(path);
    expect(again.stats().replayed.rows).toBe(423);
    await check(again);
    await again.flush();
    await check(again);
    await again.put({ name: "after" });
    expect(indexBytes(again)).toEqual([INDEX_HEADER_BYTES]);
  });

  it("replay rows that LanceDB wrote in whatever order", async () => {
    const path = fresh();
    await (await open(path)).close();
    const lance = await (await connect(join(path, ".."))).openTable("notes");
    const upsert = lance.mergeInsert("_row_id").whenMatchedUpdateAll().whenNotMatchedInsertAll().useLsm(true);
    for (const ids of [
      [1n, 5n, 3n],
      [7n, 8n],
      [5n, 2n],
    ]) {
      await upsert.execute(ids.map((id) => ({ _row_id: id, name: `${id} of ${ids.length}` })));
    }
    const table = await open(path); // what LanceDB has not flushed is in the log
    expect(table.stats().replayed.rows).toBe(7);
    expect(table.stats().memtables[0]?.indexBytes).toBeGreaterThan(4_096);
    await table.put({ name: "ours" });
    const names = (await rowsOf(table.scan())).map((row) => [Number(row["_row_id"]), row["name"]] as const);
    expect(Object.fromEntries(names)).toEqual({
      1: "1 of 3",
      2: "2 of 2",
      3: "3 of 3",
      5: "5 of 2",
      7: "7 of 2",
      8: "8 of 2",
      9: "ours",
    });
    expect(await table.get(5n)).toMatchObject({ name: "5 of 2" });
    lance.close();
  });

  it("number the rows of batches", async () => {
    const made = tableFromArrays({ n: Int32Array.of(5, 6, 7) });
    const table = await openTable(fresh(), { schema: made.schema, ...small });
    opened.push(table);
    await table.put(made);
    await table.put([made.batches[0], made.batches[0]] as never);
    const rows = (await rowsOf(table.scan())).sort((a, b) => Number(a["_row_id"]) - Number(b["_row_id"]));
    expect(rows.map((row) => Number(row["_row_id"]))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(rows.map((row) => row["n"])).toEqual([5, 6, 7, 5, 6, 7, 5, 6, 7]);
    for await (const batch of table.scan()) await expect(table.put(batch)).rejects.toThrow(/_row_id/);
  });
});

describe("follow", () => {
  const collect = async (changes: AsyncIterable<{ rows(): object[]; position: Position }>, most: number) => {
    const seen: { id: unknown; text: unknown; _op: unknown; position: Position }[] = [];
    for await (const change of changes) {
      for (const row of change.rows() as { id: unknown; text: unknown; _op: unknown }[]) {
        seen.push({ id: row.id, text: row.text, _op: row._op, position: change.position });
      }
      if (seen.length >= most) break;
    }
    return seen;
  };

  it("sees puts and deletes in order, from the oldest, and resumes behind a position", async () => {
    const path = fresh();
    const table = await openNotes(path);
    await table.put({ id: 1n, text: "a" });
    await table.delete([1n]);
    await table.put({ id: 2n, text: "b" });
    const all = await collect(table.follow({ from: "oldest" }), 3);
    expect(all.map(({ id, text, _op }) => [id, text, _op])).toEqual([
      [1n, "a", "put"],
      [1n, null, "delete"],
      [2n, "b", "put"],
    ]);
    await table.close();
    const again = await openNotes(path);
    const [, second] = all;
    const rest = collect(again.follow({ from: second?.position ?? "" }), 2);
    await sleep(10);
    await again.put({ id: 3n, text: "c" });
    expect((await rest).map(({ id }) => id)).toEqual([2n, 3n]);
  });

  it("is live, across rotations", async () => {
    const table = await openNotes(fresh(), { memtableBytes: 2 ** 16 });
    await table.put({ id: 0n, text: "before" });
    const seen = collect(table.follow(), 2_000);
    await sleep(5);
    for (let i = 0; i < 40; i++) {
      await table.put(Array.from({ length: 50 }, (_, j) => ({ id: i * 50 + j, text: "x".repeat(20) })));
    }
    expect(table.stats().memtables.length).toBeGreaterThan(1);
    expect((await seen).map(({ id }) => Number(id))).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
  });

  it("ends with the table, and by its signal", async () => {
    const table = await openNotes(fresh());
    const controller = new AbortController();
    const aborted = collect(table.follow({ signal: controller.signal }), 1);
    const ending = collect(table.follow(), 1);
    await sleep(5);
    controller.abort(new Error("stop"));
    await expect(aborted).rejects.toThrow("stop");
    await table.close();
    expect(await ending).toEqual([]);
    expect(() => table.follow()).toThrow(ClosedError);
  });

  it("refuses what is no position, and one that is ahead", async () => {
    const table = await openNotes(fresh());
    expect(() => table.follow({ from: "yesterday" })).toThrow(UsageError);
    expect(() => table.follow({ from: "00000000000000ff-00000000" })).toThrow(GoneError);
  });
});

describe("opening and closing", () => {
  it("shares the writer within a thread", async () => {
    const path = fresh();
    const [a, b] = await Promise.all([openNotes(path), openNotes(path)]);
    await a?.put({ id: 1n, text: "from a" });
    expect(await b?.get(1n)).toMatchObject({ text: "from a" });
    expect(a?.stats().epoch).toBe(1);
    let settled = false;
    const put = a?.put({ id: 3n, text: "on its way" }).then(() => {
      settled = true;
    });
    await a?.close();
    expect(settled).toBe(true);
    await put;
    await a?.close();
    await expect(a?.put({ id: 2n, text: "late" })).rejects.toThrow(ClosedError);
    await expect(a?.get(1n)).rejects.toThrow(ClosedError);
    await b?.put({ id: 2n, text: "from b" });
    await b?.close();
    const again = await openNotes(path);
    expect(again.stats().epoch).toBe(2);
    expect(await texts(again)).toEqual({ 1: "from a", 2: "from b", 3: "on its way" });
  });

  it("waits at close for puts that are on their way", async () => {
    const path = fresh();
    const table = await openNotes(path);
    const puts = Array.from({ length: 100 }, (_, id) => table.put({ id, text: "x" }));
    await table.close();
    await Promise.all(puts);
    expect(Object.keys(await texts(await openNotes(path)))).toHaveLength(100);
  });

  it("is disposed of by using", async () => {
    const path = fresh();
    {
      await using table = await openTable(path, { schema: notes, primaryKey: "id" });
      await table.put({ id: 1n, text: "x" });
    }
    expect((await openNotes(path)).stats().rows).toBe(1);
  });

  it("refuses another schema, another key, options that are none", async () => {
    const path = fresh();
    await openNotes(path);
    await expect(openTable(path, { schema: schema({ id: int64() }), primaryKey: "id" })).rejects.toThrow(ConflictError);
    await expect(openTable(path, { primaryKey: "text" })).rejects.toThrow(ConflictError);
    await expect(openTable(path, { primarykey: "id" } as never)).rejects.toThrow(/no option primarykey/);
    await expect(openTable(path, { primaryKey: [] })).rejects.toThrow(UsageError);
    await expect(openTable(path, { memtableBytes: -1 }))
      .rejects.toThrow(UsageError)
      .catch(() => {});
    await expect(openTable(fresh())).rejects.toThrow(/no table/);
    await expect(openTable(path, { signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
    const plain = await openTable(path);
    opened.push(plain);
    expect(plain.primaryKey).toEqual(["id"]);
  });

  it("works hand in hand with LanceDB", async () => {
    const path = fresh();
    const table = await openNotes(path);
    await table.put([
      { id: 1n, text: "one", v: [1, 2] },
      { id: 2n, text: "two" },
    ]);
    await table.delete([2n]);
    await table.close();
    const lance = await (await connect(join(path, ".."))).openTable("notes");
    const upsert = lance.mergeInsert("id").whenMatchedUpdateAll().whenNotMatchedInsertAll().useLsm(true);
    await upsert.execute([{ id: 3n, at: null, text: "three", v: null }]);
    const rows = await lance.query().select(["id", "text"]).toArray();
    expect(rows.map((row) => [row.id, row.text]).sort()).toEqual([
      [1n, "one"],
      [3n, "three"],
    ]);
  });
});
