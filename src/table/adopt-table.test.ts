/** Tables of LanceDB that become ours: what is checked, what is changed, and in what order. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection, Table as LanceTable } from "@lancedb/lancedb";
import { Binary, Field, Int32, Int64, Schema, Utf8 } from "apache-arrow";
import { afterAll, expect, it, vi } from "vitest";
import { lanceDatabase } from "../../test/lancedb.js";
import { UsageError } from "../errors.js";
import { assertKeys } from "./key-check.js";
import { openLanceTable } from "./lance-catalog.js";
import { openTable } from "./open-table.js";

const root = mkdtempSync(join(tmpdir(), "pennon-adopt-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

type Key = bigint | number | string | Uint8Array | null;
const TYPES = { int64: new Int64(), int32: new Int32(), utf8: new Utf8(), binary: new Binary() };

/** A plain table of LanceDB with these keys, in two fragments. */
async function plainTable(keys: readonly Key[], type: keyof typeof TYPES = "int64") {
  const database = join(root, `db${count++}`);
  const connection = await lanceDatabase(database);
  const schema = new Schema([new Field("id", TYPES[type], true), new Field("n", new Int32(), true)]);
  const rows = keys.map((id, n) => ({ id, n }));
  const half = Math.ceil(rows.length / 2);
  const table = await connection.createTable("t", rows.slice(0, half), { schema });
  if (rows.length > half) await table.add(rows.slice(half));
  return { path: join(database, "t"), database, connection, table };
}

async function state(connection: Connection) {
  const table = await connection.openTable("t");
  const { fields } = await table.schema();
  const spec = await table.getLsmWriteSpec();
  return { nullable: fields[0]?.nullable, keyed: (fields[0]?.metadata.size ?? 0) > 0, spec: spec !== undefined };
}

it("adopts a table with a nullable key column: rows stay, puts replace them, LanceDB reads both", async () => {
  const { path, connection } = await plainTable([1n, 2n, -3n]);
  const table = await openTable(path, { primaryKey: "id" });
  expect(table.schema.fields.map(({ name, nullable }) => [name, nullable])).toEqual([
    ["id", false],
    ["n", true],
  ]);
  await table.put({ id: 2n, n: 22 });
  expect(await table.count()).toBe(3);
  expect(await table.getMany([-3n, 2n])).toEqual([
    { id: -3n, n: 2 },
    { id: 2n, n: 22 },
  ]);
  await table.compact();
  await table.close();
  const rows = await (await connection.openTable("t")).query().toArray();
  expect(rows.map((row) => [row.id, row.n]).sort((a, b) => Number(a[0] - b[0]))).toEqual([
    [-3n, 2],
    [1n, 0],
    [2n, 22],
  ]);
});

it.each([
  ["int64", [1n, null, 2n, 1n, null, 1n, 2n ** 62n, 2n ** 62n, 7n], "2 rows without a value", "1 (3 times)"],
  ["int32", [1, null, 2, 1, null, 1, -5, -5, 7], "2 rows without a value", "-5 (2 times)"],
  ["utf8", ["a", null, "b", "a", null, "a", "ü", "ü", ""], "2 rows without a value", '"ü" (2 times)'],
  [
    "binary",
    ["a", null, "b", "a", null, "a", "zz", "zz", ""].map((one) => (one === null ? null : Buffer.from(one))),
    "2 rows without a value",
    "0x7a7a (2 times)",
  ],
] as const)(
  "refuses nulls and duplicates of %s, says how many, and changes nothing",
  async (type, keys, nulls, twice) => {
    const { path, connection, table } = await plainTable([...keys], type);
    const before = await table.version();
    const opened = openTable(path, { primaryKey: "id" });
    await expect(opened).rejects.toThrow(UsageError);
    await expect(opened).rejects.toThrow(nulls);
    await expect(opened).rejects.toThrow("3 rows whose value an earlier row has (2 values");
    await expect(opened).rejects.toThrow(twice);
    await expect(opened).rejects.toThrow(/Nothing was changed\. Delete or mend these rows/);
    await table.checkoutLatest();
    expect(await table.version()).toBe(before);
    expect(await state(connection)).toEqual({ nullable: true, keyed: false, spec: false });

    await table.delete("id IS NULL OR n IN (3, 5, 7)");
    const mended = await openTable(path, { primaryKey: "id" });
    expect(await mended.count()).toBe(4);
    await mended.close();
  },
);

it("goes on where a crash came between the steps, and checks the rows again", async () => {
  const { path, connection, table } = await plainTable([1n, 2n]);
  await table.alterColumns([{ path: "id", nullable: false }]);
  await table.setUnenforcedPrimaryKey("id");
  await table.add([{ id: 2n, n: 9 }]); // keyed and not ours yet: nobody checks it
  await expect(openTable(path)).rejects.toThrow(/1 row whose value an earlier row has \(1 value: 2 \(2 times\)\)/);
  expect(await state(connection)).toEqual({ nullable: false, keyed: true, spec: false });
  await table.delete("n = 9");
  await (await openTable(path)).close();
  expect(await state(connection)).toEqual({ nullable: false, keyed: true, spec: true });
});

it("checks again when others have written between the check and the key", async () => {
  const { path, connection, table } = await plainTable([1n, 2n]);
  const other = await connection.openTable("t");
  const prototype: LanceTable = Object.getPrototypeOf(table);
  const setKey = prototype.setUnenforcedPrimaryKey;
  const spy = vi.spyOn(prototype, "setUnenforcedPrimaryKey").mockImplementation(async function (this: LanceTable, key) {
    await setKey.call(this, key);
    await other.checkoutLatest();
    await other.add([{ id: 1n, n: 5 }]);
  });
  try {
    await expect(openLanceTable({ path, primaryKey: ["id"] })).rejects.toThrow(/1 row whose value an earlier row has/);
  } finally {
    spy.mockRestore();
  }
  expect(await state(connection)).toEqual({ nullable: false, keyed: true, spec: false });
});

it("reads the rows once when nobody else writes, and can be ended", async () => {
  const { path } = await plainTable([1n, 2n, 3n]);
  const seen: [number, number][] = [];
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(openLanceTable({ path, primaryKey: ["id"], signal })).rejects.toThrow("enough");
  await openLanceTable({ path, primaryKey: ["id"], onRows: (...rows) => seen.push(rows) });
  expect(seen.at(-1)).toEqual([3, 3]);
  expect(seen.length).toBeLessThanOrEqual(2);
});

it("several processes' adoptions at once all succeed", async () => {
  const { path } = await plainTable(Array.from({ length: 100 }, (_, i) => BigInt(i)));
  const adopted = await Promise.all([1, 2, 3].map(() => openLanceTable({ path, primaryKey: ["id"] })));
  expect(adopted.map(({ primaryKey }) => primaryKey)).toEqual([["id"], ["id"], ["id"]]);
});

it("reads the version that it is told, whatever others write later", async () => {
  const { path, table } = await plainTable(Array.from({ length: 5_000 }, (_, i) => BigInt(i) << 32n));
  const { schema } = await openLanceTable({ path, primaryKey: ["id"] });
  await table.checkoutLatest();
  const version = await table.version();
  await table.add([{ id: 0n, n: 1 }]);
  const key = { tableDirectory: `${path}.lance`, schema, primaryKey: ["id"] };
  await assertKeys({ ...key, version });
  await expect(assertKeys({ ...key, version: version + 1 })).rejects.toThrow(/0 \(2 times\)/);
});
