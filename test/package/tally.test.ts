/** The count that every test run ends with: nothing that went wrong may be missing from it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pennon-tally-"));

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const files: Record<string, string> = {
  "mixed.test.js": `
    import { describe, it, beforeAll, expect } from "vitest";
    it("passes", () => {});
    it("passes too", () => {});
    it("fails", () => expect(1).toBe(2));
    it.skip("is skipped", () => {});
    describe("hook", () => { beforeAll(() => { throw new Error("hook"); }); it("never runs", () => {}); });`,
  "unloadable.test.js": 'import "./nowhere.js";',
  "empty.test.js": "export {};",
  "late.test.js": `
    import { it } from "vitest";
    it("lets an error escape", async () => {
      setTimeout(() => { throw new Error("late"); }, 0);
      await new Promise((resolve) => setTimeout(resolve, 50));
    });`,
};

describe("tally", () => {
  it("counts failed tests, failed hooks, files that cannot be loaded and errors outside tests", () => {
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, "vitest.config.js"), 'export default { test: { include: ["*.test.js"] } };');
    const file = join(folder, "tally.json");
    const run = spawnSync(
      process.execPath,
      [join(root, "node_modules/vitest/vitest.mjs"), "run", "--reporter", join(root, "scripts/vitest-tally.mjs")],
      { cwd: folder, encoding: "utf8", env: { PATH: process.env["PATH"], PENNON_TALLY_FILE: file } },
    );
    expect(run.status).toBe(1);
    // Failed: the test, the hook, two files without tests, the late error.
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ passed: 3, failed: 5, skipped: 2 });
  });

  it("adds runs up into one line", () => {
    const sum = join(mkdtempSync(join(tmpdir(), "pennon-sum-")), "sum");
    writeFileSync(
      sum,
      '{"name":"a","passed":3,"failed":0,"skipped":1}\n{"name":"b","passed":4,"failed":2,"skipped":0}\n',
    );
    const run = spawnSync(process.execPath, [join(root, "scripts/sum.mjs"), sum], { encoding: "utf8" });
    rmSync(join(sum, ".."), { recursive: true });
    expect(run.stdout).toBe("7 passed, 2 failed\n");
  });
});
