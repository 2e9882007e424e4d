/** A compactor and other processes: one that stood still, others that change the base table, and how much memory one takes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Field, Int64, makeVector, Schema, Table, Utf8, vectorFromArray } from "apache-arrow";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bundle } from "../../test/bundle.js";
import { lanceRows } from "../../test/lancedb.js";
import { MergedTable, sorted } from "./compactor.fixture.js";

const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const row = (id: number, text: string | null) => ({ id: BigInt(id), text });
const key = (id: number) => ({ id: BigInt(id) });

let script = "";
let directory: string;
const children: ChildProcess[] = [];
beforeAll(async () => {
  script = await bundle(join(import.meta.dirname, "compact-process.fixture.ts"), {
    external: ["apache-arrow", "@lancedb/lancedb"],
  });
}, 60_000);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pennon-compact-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

/** Starts a process; `said` fills with its lines. */
function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const said: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => said.push(line));
  const exited = Promise.all([once(child, "exit"), once(lines, "close")]);
  const saying = async (line: string) => {
    while (!said.includes(line) && child.exitCode === null) await once(lines, "line");
  };
  return { child, said, exited, saying };
}

/** Whether the process stands still, as the system sees it. */
function isStopped({ pid }: ChildProcess): boolean {
  return /State:\s+T/.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}

describe.skipIf(process.platform !== "linux")("a compactor that stood still while another took over", () => {
  it.each(["upsert:before", "delete:before", "watermark:before"])(
    "puts no old rows over newer ones when it goes on at %s",
    async (stop) => {
      const table = await MergedTable.make(directory, {
        schema,
        primaryKey: ["id"],
        rows: [row(1, "base"), row(2, "base")],
      });
      // Key 5 is new to the base table and then deleted: nothing that the new owner does there touches a row of it.
      await table.flush([row(1, "old"), row(5, "old")], [key(2), key(6)]);
      const old = start("compact", directory, String(table.epoch), stop);
      await old.saying(stop);
      while (!isStopped(old.child)) await new Promise((resolve) => setTimeout(resolve, 1));

      await table.claim();
      await table.flush([row(1, "new"), row(2, "new"), row(6, "new")], [key(5)]);
      const options = { predecessorGone: false, limits: { takeoverWaitMs: 1 } };
      expect(await table.compact(options)).toMatchObject({ generations: [1, 2] });
      const expected = sorted([row(1, "new"), row(2, "new"), row(6, "new")]);
      expect(await table.read()).toEqual({ all: expected, base: expected });

      old.child.kill("SIGCONT");
      await old.exited;
      expect(old.said.at(-1)).toMatch(/^ConflictError/);
      expect(await table.read()).toEqual({ all: expected, base: expected });
      await table.close();
    },
  );

  it("waits before it merges, unless nobody can be left who does", async () => {
    const table = await MergedTable.make(directory, { schema, primaryKey: ["id"] });
    await table.flush([row(1, "a")]);
    // Of the first owner there is no predecessor.
    expect(await table.compact({ predecessorGone: undefined })).toMatchObject({ generations: [1] });
    await table.claim();
    await table.flush([row(1, "b")]);
    const patient = await table.compactor({ predecessorGone: false });
    const stop = new AbortController();
    const waiting = patient.run(stop.signal);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow();
    await patient.close();
    expect(await table.read()).toMatchObject({ base: sorted([row(1, "a")]) });
    expect(await table.compact({ predecessorGone: true })).toMatchObject({ generations: [2] });
    await table.close();
  });
});

describe("beside another process that changes the base table", () => {
  it("all rows of both are there, each once", async () => {
    const table = await MergedTable.make(directory, {
      schema,
      primaryKey: ["id"],
      rows: [row(900_001, "x"), row(900_002, "x"), row(900_003, "x")],
    });
    const other = start("hammer", directory);
    await other.saying("0 1000000");
    const model = new Map<number, string>();
    let retries = 0;
    for (let round = 1; round <= 5; round++) {
      const rows = Array.from({ length: 40 }, (_, i) => (i * 7 + round * 3) % 100);
      const deleted = Array.from({ length: 10 }, (_, i) => 100 + ((i + round) % 30));
      const revived = [100 + ((round * 5) % 30)].filter((id) => !deleted.includes(id));
      for (const id of [...rows, ...revived]) model.set(id, `round ${round}`);
      for (const id of deleted) model.delete(id);
      await table.flush(
        [...rows, ...revived].map((id) => row(id, `round ${round}`)),
        deleted.map(key),
      );
      const result = await table.compact({ limits: { commitRows: 20, commitDeletes: 5 } });
      expect(result).toMatchObject({ generations: [round], watermark: { written: true } });
      retries += result.retries;
    }
    other.child.stdin.end();
    await other.exited;
    const handle = await table.lance.open();
    const found = await lanceRows(handle, "id < 1000");
    expect(sorted(found)).toEqual(sorted([...model].map(([id, text]) => row(id, text))));
    const theirs = new Set(other.said.filter((line) => line.startsWith("0 ")).map((line) => line.slice(2)));
    for (const line of other.said) if (line.startsWith("2 ")) theirs.delete(String(Number(line.slice(2)) - 2));
    const ids = (await lanceRows(handle, "id >= 1000000")).map(({ id }) => String(id));
    expect(ids.sort()).toEqual([...theirs].sort());
    expect(other.said.length).toBeGreaterThan(20);
    expect(retries).toBeLessThan(100);
    // Whatever it did was carried out on top of what we have committed, or was told to be tried again.
    const failed = other.said.filter((line) => line.startsWith("failed") && !/retry|preempted|concurrent/i.test(line));
    expect(failed).toEqual([]);
    await table.close();
  }, 60_000);
});

describe.skipIf(process.platform !== "linux")("its memory", () => {
  it("does not grow with the base table", async () => {
    const grown: number[] = [];
    for (const rows of [20_000, 800_000]) {
      const path = join(directory, String(rows));
      const table = await MergedTable.make(path, { schema, primaryKey: ["id"] });
      for (let from = 0; from < rows; from += 250_000) {
        const length = Math.min(250_000, rows - from);
        const id = makeVector(BigInt64Array.from({ length }, (_, i) => BigInt(2 * (from + i))));
        await table.lance.table.add(new Table({ id, text: vectorFromArray(new Array(length).fill("x"), new Utf8()) }));
      }
      await table.lance.table.createIndex("id");
      await table.flush(Array.from({ length: 2_000 }, (_, i) => row(i * 21, "y")));
      const child = start("memory", path, String(table.epoch));
      await child.exited;
      grown.push(Number(child.said.at(-1)));
      const handle = await table.lance.open();
      expect(await handle.countRows("text = 'y'")).toBe(2_000);
      await table.close();
    }
    const [small = 0, large = 0] = grown;
    // Without an index of the key it would be 80 bytes and more for each row.
    expect(large - small).toBeLessThan(30e6);
  }, 60_000);
});
