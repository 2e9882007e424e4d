/** A writer whose table is dropped, or made anew, by somebody else. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@lancedb/lancedb";
import { afterAll, expect, it } from "vitest";
import { ClosedError, int64, openTable, StorageError, schema, type Table, utf8 } from "../index.js";

const root = mkdtempSync(join(tmpdir(), "pennon-dropped-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const notes = schema({ id: int64(), text: utf8() });

async function opened(name: string): Promise<Table> {
  const table = await openTable(join(root, name, "notes"), { schema: notes, primaryKey: "id", memtableBytes: 2 ** 20 });
  for (let id = 0; id < 3; id++) await table.put({ id, text: "before" });
  return table;
}

/** Puts once more, which must fail, and once after that: the writer has stopped. */
async function refused(table: Table): Promise<void> {
  const text = /was removed or replaced since .*close and open again/;
  for (const [id, ErrorClass] of [
    [7, StorageError],
    [8, ClosedError],
  ] as const) {
    const error = await table.put({ id, text: "lost" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ErrorClass);
    expect(String(error)).toMatch(text);
  }
  await table.close().catch(() => {});
}

it("LanceDB's dropTable stops it, and the table stays dropped", async () => {
  const table = await opened("drop");
  await (await connect(join(root, "drop"))).dropTable("notes");
  await refused(table);
  expect(existsSync(table.directory)).toBe(false);
});

it("a table made anew under the same name gets none of its rows", async () => {
  const table = await opened("anew");
  rmSync(table.directory, { recursive: true });
  const other = await (await connect(join(root, "anew"))).createTable("notes", [{ id: 1, text: "after" }]);
  await refused(table);
  expect(existsSync(join(table.directory, "_mem_wal"))).toBe(false);
  expect(await other.countRows()).toBe(1);
  other.close();
});
