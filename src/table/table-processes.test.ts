/** A table and several processes: who owns it, who is fenced, what survives a kill. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../test/bundle.js";
import { ConflictError, int64, openTable, schema } from "../index.js";
import { ownerOf } from "./owner-socket.js";

const root = realpathSync(mkdtempSync(join(tmpdir(), "pennon-processes-")));
const children: ChildProcess[] = [];
let script = "";
let count = 0;
beforeAll(async () => {
  script = await bundle(join(import.meta.dirname, "table.fixture.ts"), {
    external: ["apache-arrow", "@lancedb/lancedb"],
  });
}, 60_000);
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fresh = () => join(root, `db${count++}`, "t");
const columns = { schema: schema({ id: int64(), writer: int64() }), primaryKey: "id", memtableBytes: 2 ** 20 } as const;

/** Starts a process; `said` fills with its lines. */
function start(path: string, mode = "") {
  const child = spawn(process.execPath, [script, path, mode], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const said: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => said.push(line));
  const exited = once(child, "exit").then(([code]) => Number(code));
  const saying = async (lines: number) => {
    while (said.length < lines && child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { child, said, exited, saying };
}

describe("a table in several processes", () => {
  it("belongs to one, until that is killed; what it acknowledged is there", async () => {
    const path = fresh();
    const writer = start(path);
    await writer.saying(20);
    const refused = openTable(path, columns);
    await expect(refused).rejects.toThrow(ConflictError);
    await expect(refused).rejects.toThrow(`open for writing in process ${writer.child.pid} since`);
    const owner = await ownerOf(join(`${path}.lance`, "_mem_wal", "aa48498d-ac91-59e2-8452-69f46010ace2"));
    expect(owner).toMatchObject({ pid: writer.child.pid, epoch: 1 });
    writer.child.kill("SIGKILL");
    await writer.exited;
    const table = await openTable(path, columns);
    for (const id of writer.said) expect((await table.get(BigInt(id)))?.writer).toBe(BigInt(writer.child.pid ?? 0));
    expect(table.stats().rows).toBeGreaterThanOrEqual(writer.said.length);
    expect(table.stats().rows).toBeLessThanOrEqual(writer.said.length + 1); // one may have been on its way
    await table.close();
  }, 30_000);

  it("is taken over on demand: the old writer acknowledges nothing more", async () => {
    const path = fresh();
    const writer = start(path);
    await writer.saying(20);
    const table = await openTable(path, { ...columns, takeover: true });
    expect(table.stats().epoch).toBe(2);
    const rows = table.stats().rows;
    expect(await writer.exited).toBe(1);
    expect(writer.said.pop()).toMatch(/^(Conflict|OutcomeUnknown): /);
    expect(rows).toBeGreaterThanOrEqual(writer.said.length);
    for (const id of writer.said) expect(await table.get(BigInt(id))).toBeDefined();
    await table.put({ id: 1n, writer: 1n });
    await table.close();
  }, 30_000);

  it("is opened by whoever comes after a close, also when many come at once", async () => {
    const path = fresh();
    const all = [start(path, "once"), start(path, "once"), start(path, "once")];
    const codes = await Promise.all(all.map(({ exited }) => exited));
    expect(codes).toContain(0);
    for (const [i, { said }] of all.entries()) expect(said.at(-1)).toMatch(codes[i] === 0 ? /^closed$/ : /^Conflict/);
    const after = start(path, "once");
    expect(await after.exited).toBe(0);
  }, 30_000);
});
