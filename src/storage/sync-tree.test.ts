import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StorageError, UsageError } from "../errors.js";
import { syncDirectory, syncFile, syncTree } from "./sync-tree.js";

// That every file and directory is synced shows test/crash/ss-table.test.ts, by system calls.

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pennon-sync-tree-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("syncTree", () => {
  it("passes through directories, empty ones too", async () => {
    mkdirSync(join(root, "a", "b"), { recursive: true });
    mkdirSync(join(root, "empty"));
    for (let i = 0; i < 9; i++) writeFileSync(join(root, "a", "b", String(i)), "x");
    await syncTree(root);
  });

  it("fails where something is missing, or lies deeper than a dataset's files do", async () => {
    await expect(syncTree(join(root, "absent"))).rejects.toThrow(StorageError);
    await expect(syncFile(join(root, "absent"))).rejects.toThrow(StorageError);
    await expect(syncDirectory(join(root, "absent"))).rejects.toThrow(StorageError);
    mkdirSync(join(root, ..."abcdefghij"), { recursive: true });
    await expect(syncTree(root)).rejects.toThrow(UsageError);
  });
});
