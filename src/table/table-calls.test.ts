import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import {
  Table as ArrowTable,
  Field,
  FixedSizeList,
  Float32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  tableFromArrays,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import {
  ClosedError,
  ConflictError,
  CorruptError,
  int64,
  type OpenTableOptions,
  openTable,
  Producer,
  schema,
  UsageError,
  utf8,
  vector,
} from "../index.js";
import { namedFailure } from "./named-failure.js";

const root = mkdtempSync(join(tmpdir(), "pennon-calls-"));
const opened: { close(): Promise<void> }[] = [];
let count = 0;
afterEach(async () => {
  for (const table of opened.splice(0)) await table.close().catch(() => {});
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fresh = () => join(root, `db${count++}`, "notes");
const small = { memtableBytes: 2 ** 20, maxMemoryBytes: 2 ** 26 };
const notes = schema({ id: int64(), text: utf8() });

async function openNotes(path = fresh(), options: OpenTableOptions = {}) {
  const table = await openTable(path, { ...small, ...options, schema: notes, primaryKey: "id" });
  opened.push(table);
  return table;
}

describe("a put of an iterable", () => {
  it("ends when the table is closed: what was begun is there, and nothing more is asked for", {
    timeout: 5_000,
  }, async () => {
    const path = fresh();
    const table = await openNotes(path);
    let asked = 0;
    let ended = false;
    async function* endless() {
      try {
        for (;;) {
          yield [{ id: asked++, text: "x" }];
          await sleep(1);
        }
      } finally {
        ended = true;
      }
    }
    const put = table.put(endless()).catch((error: unknown) => error);
    function* sync() {
      for (let id = 1_000_000; ; id++) yield { id, text: "y" };
    }
    const other = table.put(sync()).catch((error: unknown) => error);
    async function* stuck() {
      yield { id: -1, text: "stuck" };
      await new Promise(() => {});
    }
    const waiting = table.put(stuck()).catch((error: unknown) => error);
    await sleep(30);
    await table.close();
    for (const settled of [put, other, waiting]) expect(await settled).toBeInstanceOf(ClosedError);
    await sleep(10);
    const before = asked;
    await sleep(20);
    expect([asked, ended]).toEqual([before, true]);
    const again = await openNotes(path);
    expect(await again.get(0)).toMatchObject({ text: "x" });
    expect(await again.get(-1)).toMatchObject({ text: "stuck" });
  });

  it("waits where few puts may be pending, behind those of others too, and keeps the order", async () => {
    const table = await openNotes(fresh(), { maxPendingPuts: 2 });
    const others = [table.put({ id: 1, text: "a" }), table.put({ id: 2, text: "b" })];
    function* many() {
      for (let n = 0; n < 100; n++) yield [{ id: 3, text: `version ${n}` }];
      yield { id: 4, text: "last" };
    }
    await table.put(many());
    await Promise.all(others);
    expect(await table.get(3)).toMatchObject({ text: "version 99" });
    expect(await table.get(4)).toMatchObject({ text: "last" });
  });
});

describe("follow", () => {
  it("gives nothing again from a position that is not in the log yet", async () => {
    const table = await openNotes();
    await table.put({ id: 1, text: "before" });
    const from = await table.put({ id: 2, text: "in memory" }, { durability: "memory" });
    const seen: unknown[] = [];
    const following = (async () => {
      for await (const change of table.follow({ from })) {
        for (const row of change.rows()) seen.push(row.id);
        if (seen.includes(4n)) break;
      }
    })();
    await table.put({ id: 3, text: "after" });
    await table.put({ id: 4, text: "end" });
    await following;
    expect(seen).toEqual([3n, 4n]);
  });
});

describe("options and names", () => {
  it("are refused when nobody knows them", async () => {
    const table = await openNotes();
    await expect(table.put({ id: 1, text: "a" }, { durabilty: "os" } as never)).rejects.toThrow(
      /put has no option durabilty/,
    );
    await expect(table.delete([1n], { fast: true } as never)).rejects.toThrow(/delete has no option fast/);
    await expect(table.get(1n, { select: ["id"] } as never)).rejects.toThrow(/get has no option select/);
    expect(() => table.follow({ form: "oldest" } as never)).toThrow(/follow has no option form/);
    expect(() => table.producer({ puts: 1 } as never)).toThrow(/producer has no option puts/);
    for (const options of [null, 5]) {
      await expect(openTable(fresh(), options as never)).rejects.toThrow(UsageError);
      await expect(table.put({ id: 1, text: "a" }, options as never)).rejects.toThrow(UsageError);
    }
    expect(await table.get(1n)).toBeUndefined();
  });

  it("are found wrong before a table is made", async () => {
    const path = fresh();
    await expect(openNotes(path, { memtableBytes: 5 })).rejects.toThrow(/memtableBytes is 5/);
    await expect(openNotes(path, { maxPendingPuts: 0 })).rejects.toThrow(/maxPendingPuts is 0/);
    expect(existsSync(join(path, ".."))).toBe(false);
  });

  it("that the table keeps for itself cannot be columns", async () => {
    for (const name of ["_op", "_tombstone", "_pennon_x"]) {
      const fields = [new Field("id", new Int64(), false), new Field(name, new Utf8(), true)];
      await expect(openTable(fresh(), { schema: new Schema(fields), primaryKey: "id" })).rejects.toThrow(
        /kept for the table/,
      );
      expect(() => schema({ id: int64(), [name]: utf8() })).toThrow(UsageError);
    }
  });
});

describe("items of vectors", () => {
  it("are not null unless the schema says so, in rows and in batches", async () => {
    const table = await openTable(fresh(), {
      schema: schema({ id: int64(), v: vector(2).nullable() }),
      primaryKey: "id",
      ...small,
    });
    opened.push(table);
    for (const v of [[1, null], new Array(2)]) {
      await expect(table.put({ id: 1n, v: v as number[] })).rejects.toThrow(/"v\[[01]\]"/);
    }
    await expect(table.put({ id: 1n, v: [1, 1e300] })).rejects.toThrow(/"v\[1\]" is 1e\+300/);
    const type = new FixedSizeList(2, new Field("item", new Float32(), true));
    const batch = (rows: readonly unknown[]) => {
      const ids = vectorFromArray(
        rows.map((_, i) => BigInt(i)),
        new Int64(),
      );
      const fields = [new Field("id", new Int64(), false), new Field("v", type, true)];
      const children = [ids.data[0], vectorFromArray(rows, type).data[0]] as never;
      return new RecordBatch(
        new Schema(fields),
        makeData({ type: new Struct(fields), length: rows.length, children }) as never,
      );
    };
    await expect(
      table.put(
        batch([
          [1, 2],
          [3, null],
        ]),
      ),
    ).rejects.toThrow(/null item/);
    await table.put(batch([[1, 2], null, [3, 4]]));
    expect(await table.get(0n)).toEqual({ id: 0n, v: Float32Array.of(1, 2) });
  });
});

describe("what errors say", () => {
  it("names the way to plain strings, and the table's schema only", async () => {
    const table = await openNotes();
    const made = tableFromArrays({ id: BigInt64Array.of(1n), text: ["a"] });
    await expect(table.put(made)).rejects.toThrow(/"text" is dictionary.*vectorFromArray\(values, new Utf8\(\)\)/);
    const more = new ArrowTable({
      id: vectorFromArray([1n], new Int64()),
      text: vectorFromArray(["a"], new Utf8()),
      z: vectorFromArray([1], new Float32()),
    });
    await expect(table.put(more)).rejects.toThrow(/table's schema: field 2 "z" is not in it$/);
  });

  it("begins with the table when the log failed", async () => {
    const table = await openNotes();
    const conflict = new ConflictError("Shard 00000000: claimed by epoch 2", { cause: "x" });
    const named = namedFailure(conflict, table.directory);
    expect(named).toBe(conflict);
    expect(namedFailure(named, table.directory)).toBe(conflict);
    expect(conflict.message).toBe(`${table.directory}: Shard 00000000: claimed by epoch 2`);
    expect(conflict.stack).toContain(`${table.directory}: Shard`);
    const usage = new UsageError("field");
    expect([namedFailure(usage, "/t"), usage.message]).toEqual([usage, "field"]);
    await expect(table.put({ id: 1 } as never)).rejects.toThrow(/^field "text"/);
    await table.put({ id: 1, text: "a" });
    await table.close();
    const names = readdirSync(table.directory, { recursive: true, encoding: "utf8" });
    const entry = names.findLast((name) => name.includes("wal") && name.endsWith(".arrow")) ?? "";
    writeFileSync(join(table.directory, entry), "torn");
    const failure: unknown = await openTable(table.directory.replace(/\.lance$/, "")).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CorruptError);
    expect(String(failure)).toContain(`CorruptError: ${table.directory}`);
  });
});

describe("a producer of a table", () => {
  it("puts from wherever its handle was posted, and gives row ids nowhere", async () => {
    const table = await openNotes();
    const { port1, port2 } = new MessageChannel();
    const handle = table.producer({ maxPuts: 4 });
    const received = new Promise<typeof handle>((resolve) => port2.once("message", resolve));
    port1.postMessage(handle, [handle.port]);
    const producer = Producer.attach(await received);
    await producer.put([{ id: 7n, text: "seven" }]);
    expect(await table.get(7n)).toMatchObject({ text: "seven" });
    await producer.close();
    port1.close();
    const events = await openTable(fresh(), { schema: schema({ name: utf8() }), ...small });
    opened.push(events);
    expect(() => events.producer()).toThrow(/append-only/);
  });
});
