/** The layer rule, held against trees that break it: each rule must name the file that breaks it, and nothing else. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folders: string[] = [];

function check(files: Record<string, string>): { status: number | null; violations: string[]; output: string } {
  const folder = mkdtempSync(join(tmpdir(), "pennon-layers-"));
  folders.push(folder);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({
      type: "module",
      peerDependencies: { "@lancedb/lancedb": "*", "apache-arrow": "*" },
      dependencies: { "csv-parse": "*" },
      devDependencies: { "apache-arrow": "*", "fast-check": "*" },
    }),
  );
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const run = spawnSync(process.execPath, [join(root, "scripts", "layers.mjs"), folder], { encoding: "utf8" });
  const violations = run.stderr.split("\n").filter((line) => line !== "" && !line.startsWith(" "));
  return { status: run.status, violations, output: run.stdout };
}

/** `rule: file` of each violation, sorted. */
function names(violations: string[]): string[] {
  return violations.map((line) => /^[\w-]+: [\w./-]+/.exec(line)?.[0] ?? line).sort();
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const errors = { "src/errors.ts": "export class UsageError extends Error {}\n" };

describe("layers", () => {
  it("accepts imports that go down", () => {
    const { status, violations, output } = check({
      ...errors,
      "src/kernels/k.ts": 'import { UsageError } from "../errors.js";\nexport const k = UsageError;\n',
      "src/arrow/a.ts":
        'import { k } from "../kernels/k.js";\nimport { Field } from "apache-arrow";\nexport const a = [k, Field];\n',
      "src/store/s.ts": 'import { a } from "../arrow/a.js";\nexport const s = [a, Atomics];\n',
      "src/store/prefault.ts": 'export const p = () => import("node:worker_threads");\n',
      "src/input/i.ts":
        'import { a } from "../arrow/a.js";\nimport { parse } from "csv-parse";\nexport const i = [a, parse];\n',
      "src/cli/main.ts":
        'import { i } from "../input/i.js";\nimport { s } from "../store/s.js";\nexport const m = [i, s];\n',
      "src/arrow/a.test.ts":
        'import fc from "fast-check";\nimport { s } from "../store/s.js";\nexport const t = [fc, s, Atomics];\n',
      "src/arrow/b.ts": '// Atomics are for src/store\nexport const text = "Atomics";\n',
    });
    expect(violations).toEqual([]);
    expect(output).toContain("0 violations");
    expect(status).toBe(0);
  });

  it("reports every kind of violation, at the file that commits it, and nothing else", () => {
    const { status, violations } = check({
      ...errors,
      "src/kernels/k.ts": "export type K = 1;",
      "src/arrow/a.ts": "export type A = 1;",
      "src/store/s.ts": "export type S = 1;",
      "src/memtable/m.ts": "export type M = 1;",
      "src/input/i.ts": "export type I = 1;",
      "src/table/t.ts": "export type T = 1;",
      "src/index.ts": "export type E = 1;",
      "test/t.ts": "export type X = 1;",
      "src/store/s.fixture.ts": "export type F = 1;",
      "src/kernels/up.ts": 'import "../arrow/a.js";',
      "src/arrow/up.ts": 'import type { S } from "../store/s.js";\nexport type U = S;',
      "src/store/up.ts": 'import "../memtable/m.js";',
      "src/store/input.ts": 'import "../input/i.js";',
      "src/scan/up.ts": 'import "../table/t.js";',
      "src/compact/input.ts": 'import "../input/i.js";',
      "src/input/up.ts": 'import "../store/s.js";',
      "src/misc/m.ts": 'import "../store/s.js";',
      "src/cli/entry.ts": 'import "../index.js";',
      "src/store/test.ts": 'import "../../test/t.js";',
      "src/store/fixture.ts": 'import "./s.fixture.js";',
      "src/arrow/package.ts": 'import { parse } from "csv-parse";\nexport const p = parse;',
      "src/store/builtin.ts": 'import "node:fs";',
      "src/store/prefault-fs.ts": 'export const f = () => import("node:fs");',
      "src/store/prefault.ts": 'import "node:worker_threads";',
      "src/table/one.ts": 'import "./two.js";',
      "src/table/two.ts": 'import "./one.js";',
      "src/table/nowhere.ts": 'import "./missing.js";',
      "src/cli/dev.ts": 'import fc from "fast-check";\nexport const f = fc;',
      "src/arrow/atomics.ts": "\nexport const a = Atomics.load;",
      "src/store/lance.ts": 'export const l = () => import("@lancedb/lancedb");',
      "src/lance/static.ts": 'import "@lancedb/lancedb";',
    });
    expect(names(violations)).toEqual(
      [
        "layer-kernels: src/kernels/up.ts",
        "layer-arrow: src/arrow/up.ts",
        "layer-store: src/store/up.ts",
        "layer-store: src/store/input.ts",
        "layer-scan: src/scan/up.ts",
        "layer-compact: src/compact/input.ts",
        "layer-input: src/input/up.ts",
        "layer-unknown: src/misc/m.ts",
        "entry-not-imported: src/cli/entry.ts",
        "layer-cli: src/cli/entry.ts",
        "no-test-code: src/store/test.ts",
        "no-test-code: src/store/fixture.ts",
        "core-packages: src/arrow/package.ts",
        "core-no-builtins: src/store/builtin.ts",
        "prefault-builtins: src/store/prefault-fs.ts",
        "prefault-dynamic: src/store/prefault.ts",
        "no-cycles: src/table/one.ts",
        "no-unresolved: src/table/nowhere.ts",
        "no-dev-packages: src/cli/dev.ts",
        "atomics: src/arrow/atomics.ts",
        "core-no-lancedb: src/store/lance.ts",
        "core-packages: src/store/lance.ts",
        "lancedb-dynamic: src/lance/static.ts",
      ].sort(),
    );
    expect(status).toBe(1);
  });

  it("lets errors.ts import nothing", () => {
    const { violations } = check({ "src/errors.ts": 'import "./kernels/k.js";', "src/kernels/k.ts": "export {};" });
    expect(names(violations)).toEqual(["layer-errors: src/errors.ts"]);
  });
});
