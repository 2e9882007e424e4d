import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { StorageError } from "../errors.js";
import { deepestExisting, syncTable } from "./sync-table.js";

const root = mkdtempSync(join(tmpdir(), "pennon-sync-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("syncTable", () => {
  it("goes over a table and up to the directory that was there before", async () => {
    const table = join(root, "a", "b", "t.lance");
    expect(await deepestExisting(join(root, "a", "b"))).toBe(root);
    mkdirSync(join(table, "_versions"), { recursive: true });
    writeFileSync(join(table, "_versions", "1.manifest"), "x");
    await syncTable(table, root);
    expect(await deepestExisting(join(root, "a", "b"))).toBe(join(root, "a", "b"));
  });

  it("fails when the table is not there", async () => {
    await expect(syncTable(join(root, "none.lance"), root)).rejects.toThrow(StorageError);
  });
});
