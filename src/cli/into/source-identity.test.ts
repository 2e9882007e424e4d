import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { UsageError } from "../../errors.js";
import { assertGivenOnce, assertReadableAgain, checkSources, identityOf } from "./source-identity.js";

const folder = mkdtempSync(join(tmpdir(), "pennon-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const MAKE_PIPE = "mkfifo";
const at = (name: string): string => join(folder, name);

async function counterOf(name: string): Promise<string> {
  return (await identityOf({ path: at(name) }))?.counter ?? "";
}

describe("identityOf", () => {
  it("is that of the file at its path, as long as neither size nor ends change", async () => {
    writeFileSync(at("a"), "x".repeat(300_000));
    const first = await counterOf("a");
    expect(first).toMatch(/^ingest:[0-9a-f]{16}:[0-9a-f]{24}$/);
    symlinkSync(at("a"), at("link"));
    cpSync(at("a"), at("b"));
    expect(await counterOf("link")).toBe(first);
    const copy = await counterOf("b");
    expect(copy).not.toBe(first);
    expect(copy.slice(-24)).toBe(first.slice(-24));
    appendFileSync(at("a"), "x");
    const second = await counterOf("a");
    expect(second).not.toBe(first);
    expect(second.slice(0, 24)).toBe(first.slice(0, 24));
    writeFileSync(at("b"), `z${"x".repeat(299_999)}`);
    expect(await counterOf("b")).not.toBe(copy);
    writeFileSync(at("b"), `${"x".repeat(299_999)}z`);
    expect(await counterOf("b")).not.toBe(copy);
  });

  it("is nothing of what can be read only once, and does not touch it", async () => {
    expect(await identityOf({ stream: Readable.from(["x"]), name: "<stdin>" })).toBeUndefined();
    expect(await identityOf({ path: at("missing") })).toBeUndefined();
    await expect(assertReadableAgain({ path: at("missing") })).resolves.toBeUndefined();
    const stream = { stream: Readable.from(["x"]), name: "<stdin>" };
    await expect(assertReadableAgain(stream)).rejects.toThrow("--resume needs files: <stdin> cannot be read again");
    if (process.platform === "win32") return;
    execFileSync(MAKE_PIPE, [at("pipe")]);
    // Opening it would wait for a writer without end.
    expect(await identityOf({ path: at("pipe") })).toBeUndefined();
    await expect(assertReadableAgain({ path: at("pipe") })).rejects.toThrow(UsageError);
  });
});

describe("checkSources", () => {
  const source = (path: string, place: string, contents: string) => ({
    path,
    counter: `ingest:${place.repeat(16)}:${contents.repeat(24)}`,
  });
  const [a, b, changed] = [source("a.csv", "a", "1"), source("b.csv", "b", "2"), source("a.csv", "a", "3")];
  const counters = new Map([
    ["next_row_id", 9n],
    [a.counter, 5n],
  ]);

  it("lets new sources in, and known ones when they are to be resumed", () => {
    checkSources([b], counters, "db/t", false);
    checkSources([a, b], counters, "db/t", true);
    checkSources([changed], counters, "db/t", false);
  });

  it("refuses what would put rows twice", () => {
    expect(() => assertGivenOnce([b, a, b])).toThrow("b.csv is given more than once");
    assertGivenOnce([a, b, changed]);
    expect(() => checkSources([b, a], counters, "db/t", false)).toThrow(
      "a.csv: 5 of its rows are in db/t already; go on behind them with --resume",
    );
    expect(() => checkSources([changed], counters, "db/t", true)).toThrow(
      "a.csv has changed since rows of it were put",
    );
  });

  it("refuses more sources than the log can remember, before any row is put", () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => source(`${i}`, "c", String.fromCharCode(100 + i)));
    checkSources(many(61), counters, "db/t", false);
    expect(() => checkSources(many(62), counters, "db/t", false)).toThrow(/remembers 2 of at most 64 counters/);
  });
});
