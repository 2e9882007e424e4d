/**
 * `pennon/store` as users ship it: bundled with apache-arrow into a single file, moved elsewhere, run by a Node that may read
 * nothing but that file's folder. So no module of it looks a file up at run time, in the main thread or in a worker.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = realpathSync(mkdtempSync(join(tmpdir(), "pennon-bundle-")));
const expected = { length: 3, values: Array.from({ length: 30 }, (_, i) => i) };

beforeAll(() => {
  if (!existsSync(join(root, "dist/store/index.js"))) throw new Error("dist/ is missing: npm run build");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A Node that can read the folder of the bundle, start threads, and nothing else. */
function runConfined(file: string): string {
  const permission = process.allowedNodeEnvironmentFlags.has("--permission")
    ? "--permission"
    : "--experimental-permission";
  const args = ["--no-warnings", permission, `--allow-fs-read=${join(folder, "*")}`, "--allow-worker", file];
  return execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8", timeout: 20_000 });
}

describe("bundle of pennon/store", () => {
  it.each([
    ["ES module", "esm", "mjs", "fileURLToPath(import.meta.url)"],
    ["CommonJS", "cjs", "cjs", "__filename"],
  ] as const)("runs alone as %s, with a worker made from the same file", async (_, format, extension, self) => {
    const file = join(folder, `${format}.${extension}`);
    await build({
      entryPoints: [join(root, "test/package/bundle.fixture.mjs")],
      outfile: file,
      bundle: true,
      minify: true,
      format,
      platform: "node",
      target: "node20",
      banner: { js: `${format === "esm" ? 'import { fileURLToPath } from "node:url";' : ""}const SELF = ${self};` },
      logLevel: "silent",
    });
    expect(JSON.parse(runConfined(file))).toEqual(expected);
  });

  it.runIf(process.features.require_module)("can be loaded by require()", () => {
    const code = 'process.stdout.write(typeof require("pennon/store").BatchStore)';
    expect(execFileSync(process.execPath, ["--no-warnings", "-e", code], { cwd: root, encoding: "utf8" })).toBe(
      "function",
    );
  });
});
