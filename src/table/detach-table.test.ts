/** Tables of ours that become plain ones, and what is left when a detach is cut short. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Table as LanceTable } from "@lancedb/lancedb";
import { afterAll, expect, it, vi } from "vitest";
import { lanceDatabase, lanceRows, lanceUpsert } from "../../test/lancedb.js";
import { ConflictError, UsageError } from "../errors.js";
import { int64, utf8 } from "./column-types.js";
import { detachTable } from "./detach-table.js";
import { openTable } from "./open-table.js";
import { schema } from "./schema.js";

const root = mkdtempSync(join(tmpdir(), "pennon-detach-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

const EXPECTED = [
  { id: 1n, text: "one" },
  { id: 2n, text: "two, again" },
  { id: 4n, text: "four" },
];

/** A table with rows in the base table, in an SSTable and in the log. */
async function filled() {
  const database = join(root, `db${count++}`);
  const path = join(database, "t");
  const columns = schema({ id: int64(), text: utf8() });
  const table = await openTable(path, { schema: columns, primaryKey: "id", memtableBytes: 2 ** 20 });
  await table.put([
    { id: 1n, text: "one" },
    { id: 2n, text: "two" },
  ]);
  await table.compact();
  await table.put([
    { id: 2n, text: "two, again" },
    { id: 3n, text: "three" },
  ]);
  await table.flush();
  await table.delete([3n]);
  await table.put({ id: 4n, text: "four" });
  return { database, path, directory: `${path}.lance`, table };
}

async function lanceTable(database: string): Promise<LanceTable> {
  return (await lanceDatabase(database)).openTable("t");
}

const byId = (rows: Record<string, unknown>[]) => rows.sort((a, b) => Number(a["id"]) - Number(b["id"]));

async function expectPlain(database: string): Promise<void> {
  expect(readdirSync(join(database, "t.lance")).filter((name) => name.startsWith("_mem_wal"))).toEqual([]);
  const lance = await lanceTable(database);
  expect(await lance.getLsmWriteSpec()).toBeUndefined();
  expect(byId(await lanceRows(lance))).toEqual(EXPECTED);
  expect(await lance.countRows()).toBe(3);
}

it("leaves a plain table with every row, which can be adopted again", async () => {
  const { database, path, directory, table } = await filled();
  await expect(detachTable(path)).rejects.toThrow(ConflictError);
  await table.close();
  const steps: string[] = [];
  const result = await detachTable(path, { onStep: (step) => steps.push(step) });
  expect(result).toEqual({ directory, detached: true, rowsUpserted: 2, rowsDeleted: 0 });
  expect(steps).toEqual(["open", "flush", "merge", "remove"]);
  await expectPlain(database);
  expect(await detachTable(path)).toMatchObject({ detached: false });

  // A spec that is set again brings nothing back; what LanceDB adds meanwhile is there.
  const lance = await lanceTable(database);
  await lance.add([{ id: 9n, text: "nine" }]);
  await lance.delete("id = 1");
  const again = await openTable(path);
  expect(await again.getMany([1n, 2n, 3n, 9n])).toEqual([undefined, EXPECTED[1], undefined, { id: 9n, text: "nine" }]);
  await again.put({ id: 1n, text: "new" });
  await again.close();
});

const cuts = [
  ["before the spec is removed", "before"],
  ["after it", "after"],
] as const;
it.each(cuts)("cut short %s: LanceDB reads every row, no writer gets in, detaching again goes on", async (_, where) => {
  const { database, path, directory, table } = await filled();
  await table.close();
  const prototype: LanceTable = Object.getPrototypeOf(await lanceTable(database));
  const unset = prototype.unsetLsmWriteSpec;
  const spy = vi.spyOn(prototype, "unsetLsmWriteSpec").mockImplementation(async function (this: LanceTable) {
    if (where === "after") {
      await unset.call(this);
      spy.mockRestore();
      vi.spyOn(prototype, "close").mockImplementationOnce(() => {
        throw new Error("killed");
      });
      vi.spyOn(prototype, "getLsmWriteSpec").mockRejectedValue(new Error("killed"));
    }
    throw new Error("killed");
  });
  await expect(detachTable(path)).rejects.toThrow("killed");
  vi.restoreAllMocks();
  expect(existsSync(join(directory, "_mem_wal"))).toBe(true);
  const lance = await lanceTable(database);
  expect(byId(await lanceRows(lance))).toEqual(EXPECTED);
  await expect(openTable(path)).rejects.toThrow(/detach/);
  if (where === "before") {
    await expect(lanceUpsert(lance, [{ id: 5n, text: "five" }])).rejects.toThrow(/sealed/i);
    await lance.closeLsmWriters().catch(() => {});
  }
  expect(await detachTable(path)).toMatchObject({ detached: true });
  await expectPlain(database);
});

it("cut short while the log is removed: what is left goes the next time", async () => {
  const { database, path, directory, table } = await filled();
  await table.close();
  await detachTable(path);
  mkdirSync(join(directory, "_mem_wal.detached-0badc0de", "x"), { recursive: true });
  writeFileSync(join(directory, "_mem_wal.detached-0badc0de", "x", "y"), "");
  await expect(detachTable(path)).resolves.toMatchObject({ detached: true });
  await expectPlain(database);
});

it("leaves alone the log of a spec that somebody else has removed, and what is no table", async () => {
  const { database, path, directory, table } = await filled();
  await table.close();
  const lance = await lanceTable(database);
  await lance.unsetLsmWriteSpec();
  await expect(detachTable(path)).rejects.toThrow(/its rows may not be in the table: nothing was changed/);
  expect(existsSync(join(directory, "_mem_wal"))).toBe(true);
  await lance.setLsmWriteSpec({ specType: "unsharded" });
  expect(await detachTable(path)).toMatchObject({ detached: true });
  await expectPlain(database);
  await expect(detachTable(join(database, "none"))).rejects.toThrow(UsageError);
});

it("ends when it is told to, and the table is as it was", async () => {
  const { database, path, directory, table } = await filled();
  await table.close();
  const controller = new AbortController();
  const onStep = (step: string): void => {
    if (step === "merge") controller.abort(new Error("enough"));
  };
  await expect(detachTable(path, { signal: controller.signal, onStep })).rejects.toThrow("enough");
  expect(existsSync(join(directory, "_mem_wal"))).toBe(true);
  const again = await openTable(path);
  expect(await again.count()).toBe(3);
  await again.close();
  await detachTable(path);
  await expectPlain(database);
});
