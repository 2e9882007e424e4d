/** Columns that are added to a table while it is written to and read, by us and by LanceDB. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection } from "@lancedb/lancedb";
import { afterAll, describe, expect, it } from "vitest";
import { lanceDatabase, lanceRows } from "../../test/lancedb.js";
import { GoneError, UsageError } from "../errors.js";
import { float64, int64, utf8 } from "./column-types.js";
import { openTable } from "./open-table.js";
import { schema } from "./schema.js";

const root = mkdtempSync(join(tmpdir(), "pennon-columns-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

async function fresh() {
  const database = join(root, `db${count++}`);
  const path = join(database, "t");
  const table = await openTable(path, {
    schema: schema({ id: int64(), price: float64() }),
    primaryKey: "id",
    memtableBytes: 2 ** 20,
  });
  return { path, table, connection: () => lanceDatabase(database) };
}

async function lanceTable(connection: Connection) {
  return connection.openTable("t");
}

const byId = (rows: Record<string, unknown>[]) => rows.sort((a, b) => Number(a["id"]) - Number(b["id"]));

describe("addColumns", () => {
  it("computes the values of what is there; what is put without the column has none", async () => {
    const { path, table, connection } = await fresh();
    await table.put([
      { id: 1n, price: 10 },
      { id: 2n, price: 20 },
    ]);
    await table.addColumns([
      { name: "twice", valueSql: "price * 2" },
      { name: "zero", valueSql: "0" },
      { name: "note", valueSql: "CAST(NULL AS STRING)" },
    ]);
    expect(table.schema.fields.map(({ name, nullable }) => [name, nullable])).toEqual([
      ["id", false],
      ["price", false],
      ["twice", true],
      ["zero", true],
      ["note", true],
    ]);
    await table.put({ id: 2n, price: 21 });
    await table.put({ id: 3n, price: 30, twice: 1, note: "three" } as never);
    const expected = [
      { id: 1n, price: 10, twice: 20, zero: 0n, note: null },
      { id: 2n, price: 21, twice: null, zero: null, note: null },
      { id: 3n, price: 30, twice: 1, zero: null, note: "three" },
    ];
    expect(await table.getMany([1n, 2n, 3n])).toEqual(expected);
    await table.flush();
    const database = await connection();
    expect(byId(await lanceRows(await lanceTable(database)))).toEqual(expected);
    await table.compact();
    expect(byId(await lanceRows(await lanceTable(database)))).toEqual(expected);
    database.close();
    await table.close();
    const again = await openTable(path);
    expect(await again.getMany([1n, 2n, 3n])).toEqual(expected);
    await again.close();
  });

  it("fails no put, keeps their order, and loses none, while LanceDB handles of before and after read", async () => {
    const { table, connection } = await fresh();
    const database = await connection();
    await table.put({ id: -1n, price: 1 });
    await table.flush();
    const stale = await lanceTable(database);
    expect(await lanceRows(stale)).toHaveLength(1);
    const begun: Promise<unknown>[] = [];
    let stop = false;
    let rounds = 0;
    const putting = (async () => {
      for (let i = 0; !stop; i++) {
        rounds = i;
        begun.push(table.put({ id: BigInt(i % 50), price: i }));
        begun.push(table.put([{ id: BigInt(1000 + i), price: 0 }]));
        if (i % 3 === 0) begun.push(table.delete([BigInt(1000 + i)]));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    const reading = (async () => {
      while (!stop) {
        expect(await table.get(-1n)).toMatchObject({ id: -1n, price: 1 });
        let rows = 0;
        for await (const batch of table.scan({ select: ["id"] })) rows += batch.numRows;
        expect(rows).toBeGreaterThan(0);
      }
    })();
    await table.addColumns([{ name: "tag", valueSql: "'old'" }]);
    const row = { id: 999n, price: 1, tag: "new" };
    await table.put(row);
    stop = true;
    await Promise.all([putting, reading]);
    await Promise.all(begun);
    const expected = new Map<bigint, number>([
      [-1n, 1],
      [999n, 1],
    ]);
    for (let i = 0; i <= rounds; i++) {
      expected.set(BigInt(i % 50), i);
      if (i % 3 !== 0) expected.set(BigInt(1000 + i), 0);
    }
    expect(await table.count()).toBe(expected.size);
    const found = await table.getMany([...expected.keys()]);
    expect(found.map((one) => [one?.id, one?.price])).toEqual([...expected]);
    expect(await table.get(999n)).toMatchObject({ tag: "new" });
    expect(await table.get(-1n)).toMatchObject({ tag: "old" });
    await table.flush();
    const rows = await lanceRows(await lanceTable(database));
    expect(rows).toHaveLength(expected.size);
    expect(rows.every((one) => expected.get(BigInt(String(one["id"]))) === one["price"])).toBe(true);
    expect((await lanceRows(stale)).length).toBe(expected.size); // all of them are still in SSTables that it finds
    database.close();
    await table.close();
  });

  it("changes nothing when a column cannot be added, and puts go on", async () => {
    const { table } = await fresh();
    await table.put({ id: 1n, price: 1 });
    const wrong: [unknown, RegExp][] = [
      [[], /no columns to add/],
      [[{ name: "x" }], /no name, or no valueSql/],
      [[{ name: "price", valueSql: "1" }], /has a column "price" already/],
      [[{ name: "_tombstone", valueSql: "1" }], /kept for the table's own use/],
      [[{ name: "x", valueSql: "nope + 1" }], /cannot compute .*nope/],
    ];
    for (const [columns, message] of wrong) {
      const added = table.addColumns(columns as never);
      await expect(added).rejects.toThrow(UsageError);
      await expect(added).rejects.toThrow(message);
    }
    await table.put({ id: 2n, price: 2 });
    expect(table.schema.fields).toHaveLength(2);
    expect(await table.count()).toBe(2);
    await table.close();
  });

  it("is refused while a producer of another thread is there", async () => {
    const { table } = await fresh();
    const { port } = table.producer();
    await expect(table.addColumns([{ name: "x", valueSql: "1" }])).rejects.toThrow(/1 producers of other threads/);
    port.close();
    await table.put({ id: 1n, price: 1 });
    await table.close();
  });

  it("a put that waits can be called off, and one whose row is wrong fails at once", async () => {
    const { table } = await fresh();
    await table.put({ id: 1n, price: 1 });
    const adding = table.addColumns([{ name: "x", valueSql: "1" }]);
    const outcomes: string[] = [];
    let settled = false;
    void adding
      .catch(() => {})
      .finally(() => {
        settled = true;
      });
    const aborted: Promise<unknown>[] = [];
    while (!settled) {
      const controller = new AbortController();
      aborted.push(
        table.put({ id: 2n, price: 2 }, { signal: controller.signal }).then(
          () => outcomes.push("put"),
          () => outcomes.push("aborted"),
        ),
      );
      aborted.push(expect(table.put({ id: "x", price: 2 } as never)).rejects.toThrow(UsageError));
      await new Promise((resolve) => setTimeout(resolve, 1));
      controller.abort();
    }
    await adding;
    await Promise.all(aborted);
    expect(outcomes).toContain("aborted");
    await table.close();
  });

  it("followers see changes of before and after; later ones learn that those of before cannot be read", async () => {
    const { path, table } = await fresh();
    const first = await table.put({ id: 1n, price: 1 });
    const following = table.follow({ from: "oldest" });
    const seen: unknown[] = [];
    const read = async (until: number) => {
      while (seen.length < until) seen.push(...((await following.next()).value?.rows() ?? []));
    };
    await read(1);
    await table.put({ id: 2n, price: 2 });
    await table.addColumns([{ name: "x", valueSql: "1" }]);
    await table.put({ id: 3n, price: 3 });
    await read(3);
    expect(seen).toEqual([
      { id: 1n, price: 1, _op: "put" },
      { id: 2n, price: 2, _op: "put" },
      { id: 3n, price: 3, x: null, _op: "put" },
    ]);
    await table.close();
    const again = await openTable(path);
    const late = again.follow({ from: first });
    await expect(late.next()).rejects.toThrow(GoneError);
    await again.close();
  });

  it("of an append-only table: numbers go on", async () => {
    const path = join(root, `db${count++}`, "log");
    const table = await openTable(path, { schema: schema({ text: utf8() }), memtableBytes: 2 ** 20 });
    await table.put([{ text: "a" }, { text: "b" }]);
    const adding = table.addColumns([{ name: "n", valueSql: "_row_id + 100" }]);
    const puts: Promise<unknown>[] = [];
    let settled = false;
    void adding
      .catch(() => {})
      .finally(() => {
        settled = true;
      });
    for (let i = 2; !settled && i < 10_000; i++) {
      puts.push(table.put({ text: `${i}` }));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await adding;
    await Promise.all(puts);
    await table.put({ text: "last" });
    const total = puts.length + 3;
    expect(await table.count()).toBe(total);
    expect(await table.get(0n)).toEqual({ _row_id: 0n, text: "a", n: 100n });
    expect(await table.get(BigInt(total - 1))).toEqual({ _row_id: BigInt(total - 1), text: "last", n: null });
    await table.close();
  });
});
