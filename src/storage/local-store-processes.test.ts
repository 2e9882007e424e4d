/** A local store under several processes, killed ones, and a tracer that injects failures of system calls. */
import { type ChildProcess, execFile, execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bundle } from "../../test/bundle.js";
import { LocalStore } from "./local-store.js";
import { contentsOf, MARK, RACE_OBJECTS } from "./storage-process.fixture.js";

const run = promisify(execFile);

let program: string;
let directory: string;

beforeAll(async () => {
  program = await bundle(new URL("./storage-process.fixture.ts", import.meta.url));
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pennon-storage-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Bytes as words, to compare fast and to show what differs. */
function isWhole(index: number, bytes: Uint8Array): boolean {
  const writer = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  return Buffer.compare(bytes, contentsOf(index, writer)) === 0;
}

describe("racing processes", () => {
  it("create each object once, whole, by the one that says so", async () => {
    const children = Array.from({ length: 12 }, () => fork(program, ["race", directory], { execArgv: [] }));
    const message = async (child: ChildProcess): Promise<unknown> => (await once(child, "message"))[0];
    await Promise.all(children.map(message));
    const results = children.map(async (child) => ({ pid: child.pid, won: await message(child) }));
    for (const child of children) child.send("go");

    const winners = new Map<number, number[]>();
    for (const { pid, won } of await Promise.all(results)) {
      for (const index of Array.isArray(won) ? won : []) winners.set(index, [...(winners.get(index) ?? []), pid ?? 0]);
    }
    const store = new LocalStore(directory);
    for (let i = 0; i < RACE_OBJECTS; i++) {
      const [winner = -1, ...others] = winners.get(i) ?? [];
      expect(others, `object ${i} has one winner`).toEqual([]);
      expect(Buffer.compare(await store.get(`wal/${i}`), contentsOf(i, winner)), `object ${i} is its winner's`).toBe(0);
    }
    await store.close();
  });
});

describe("a killed process", () => {
  it("leaves whole objects only, and all that it was told of", { timeout: 60_000 }, async () => {
    for (let round = 0; round < 8; round++) {
      const at = join(directory, String(round));
      const child = spawn(process.execPath, [program, "endless", at], { stdio: ["ignore", "pipe", "inherit"] });
      let told = "";
      child.stdout.on("data", (chunk: Buffer) => {
        told += chunk.toString();
        // At the first word plus up to 5 ms, so that every step of a put is met sooner or later.
        if (!child.killed) setTimeout(() => child.kill("SIGKILL"), Math.random() * 5);
      });
      await once(child, "close");

      const store = new LocalStore(at);
      const created: number[] = [];
      for await (const { key } of store.list("wal/")) {
        const index = Number(key.slice("wal/".length));
        expect(isWhole(index, await store.get(key)), `${key} is whole`).toBe(true);
        created.push(index);
      }
      created.sort((a, b) => a - b);
      const lines = told.split("\n").slice(0, -1).map(Number);
      expect(lines.length).toBeGreaterThan(0);
      expect(created.slice(0, lines.length)).toEqual(lines);
      expect(created.length).toBeLessThanOrEqual(lines.length + 1);
      await store.close();
    }
  });
});

/** Of Debian's package of that name. */
const TRACER = "strace";

/** Whether a tracer is there and may trace. */
function hasStrace(): boolean {
  try {
    execFileSync(TRACER, ["-o", "/dev/null", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const traced = hasStrace();
if (!traced)
  console.warn("SKIPPED: strace is not there or may not trace; failures of real system calls are not tested.");

/** One system call: its name, and what it was about. */
interface Call {
  readonly name: string;
  readonly text: string;
}

/** The call without its variants, and what it was about. */
function describeCall({ name, text }: Call): string {
  const about = [/\.tmp-\d+/.test(text) && "temporary", /wal\/1"/.test(text) && "object"].filter(Boolean);
  return [name.replace(/at2?$/, ""), ...(about.length > 0 ? about : ["directory"])].join(" ");
}

const CALLS =
  "open,openat,write,writev,pwrite64,pwritev,fsync,fdatasync,link,linkat,rename,renameat,renameat2,unlink,unlinkat";

describe.skipIf(!traced)("the system calls of a put", () => {
  /** Those of a process in which nothing fails, where its store was, and how many of them came before the second put. */
  let calls: Call[];
  let root: string;
  let mark: number;

  async function trace(injection: readonly string[] = []): Promise<{ calls: Call[]; outcome: unknown }> {
    const log = join(directory, "trace");
    const options = ["-f", "-y", "-o", log, "-e", `trace=${CALLS}`, ...injection];
    const { stdout } = await run(TRACER, [...options, process.execPath, program, "traced", join(directory, "store")]);
    const found: Call[] = [];
    for (const line of readFileSync(log, "utf8").split("\n")) {
      const [, name, text] = /^\d+ +(\w+)\((.*)$/.exec(line) ?? [];
      if (name !== undefined && text !== undefined) found.push({ name, text });
    }
    return { calls: found, outcome: JSON.parse(stdout.split("\n")[1] ?? "") };
  }

  beforeEach(async () => {
    if (calls !== undefined) return;
    const result = await trace();
    expect(result.outcome).toEqual({ name: "created", retryable: false });
    calls = result.calls;
    root = join(directory, "store");
    mark = calls.findIndex(({ text }) => text.includes(MARK));
    await rm(root, { recursive: true });
  });

  it("are: make, write, fsync, link, remove the temporary name, fsync of the directory", () => {
    const steps = calls.slice(mark + 1).filter(({ text }) => text.includes(root));
    expect(steps.map(describeCall).slice(0, 7)).toEqual([
      "open temporary",
      "writev temporary",
      "fsync temporary",
      "open directory",
      "link temporary object",
      "unlink temporary",
      "fsync directory",
    ]);
  });

  it("make the names of all directories durable before the first object has its name", () => {
    const first = calls.slice(0, mark);
    const link = first.findIndex(({ name }) => name.startsWith("link"));
    const synced = first
      .slice(0, link)
      .flatMap(({ name, text }) => (name === "fsync" ? [/<(.*)>/.exec(text)?.[1] ?? ""] : []));
    const above: string[] = [];
    for (let at = root; at !== dirname(at); at = dirname(at)) above.push(at);
    expect(synced.slice(1)).toEqual([...above, "/"]);
  });

  /** How often the call was made before the second put: counting goes on from there. */
  const before = (name: string): number => calls.slice(0, mark).filter((call) => call.name === name).length;

  it.each([
    { call: "fsync", nth: 1, error: "EIO", name: "StorageError", retryable: false, visible: false },
    { call: "fsync", nth: 2, error: "EIO", name: "OutcomeUnknownError", retryable: false, visible: true },
    { call: "link", nth: 1, error: "ENOSPC", name: "StorageError", retryable: false, visible: false },
    { call: "link", nth: 1, error: "EIO", name: "StorageError", retryable: false, visible: false },
    { call: "link", nth: 1, error: "EPERM", name: "StorageError", retryable: false, visible: false },
    { call: "link", nth: 1, error: "ETIMEDOUT", name: "OutcomeUnknownError", retryable: true, visible: false },
    { call: "writev", nth: 1, error: "ENOSPC", name: "StorageError", retryable: false, visible: false },
    { call: "writev", nth: 1, error: "EAGAIN", name: "RetryableError", retryable: true, visible: false },
    { call: "unlink", nth: 1, error: "EIO", name: "created", retryable: false, visible: true },
  ])("$error of $call number $nth is $name", async ({ call, nth, error, name, retryable, visible }) => {
    const { outcome } = await trace(["-e", `inject=${call}:error=${error}:when=${before(call) + nth}`]);
    expect(outcome).toEqual({ name, retryable });
    const names = readdirSync(join(directory, "store", "wal")).filter((found) => !found.startsWith("."));
    expect(names).toEqual(visible ? ["0", "1"] : ["0"]);
  });
});
