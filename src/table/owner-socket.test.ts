import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../test/bundle.js";
import { ConflictError, StorageError } from "../errors.js";
import { claimOwnership, ownerOf } from "./owner-socket.js";
import { privateDirectoryPath, SocketDirectory } from "./socket-directory.js";

const root = realpathSync(mkdtempSync(join(tmpdir(), "pennon-owner-")));
const children: ChildProcess[] = [];
let script = "";
let count = 0;
beforeAll(async () => {
  script = await bundle(join(import.meta.dirname, "owner.fixture.ts"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** As long as shards' paths are. */
const fresh = () => join(root, `db${count++}`, "notes.lance", "_mem_wal", "aa48498d-ac91-59e2-8452-69f46010ace2");
const sockets = (directory: string) => readdirSync(directory).filter((name) => name.includes("owner"));

/** A process that claims the shard, and the first thing it says. */
async function holder(directory: string, takeover = ""): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [script, "hold", directory, "", takeover], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  const said = await new Promise<string>((resolve) =>
    child.stdout?.once("data", (text) => resolve(String(text).trim())),
  );
  return { child, said };
}
const gone = (child: ChildProcess) => new Promise((resolve) => child.once("exit", resolve));

describe.skipIf(process.platform === "win32")("claimOwnership", () => {
  it("is held by one, and free after its close", async () => {
    const shard = fresh();
    expect(await ownerOf(shard)).toBeUndefined();
    const first = await claimOwnership(shard);
    const second = claimOwnership(shard);
    await expect(second).rejects.toThrow(ConflictError);
    await expect(second).rejects.toThrow(`this process (${process.pid})`);
    first.announce(12);
    expect(await ownerOf(shard)).toMatchObject({ pid: process.pid, epoch: 12, answers: true });
    const [name = ""] = sockets(shard);
    expect(statSync(join(shard, name)).mode & 0o777).toBe(0o600);
    expect(sockets(shard)).toHaveLength(1);
    await first.close();
    await first.close();
    expect(sockets(shard)).toEqual([]);
    expect(await ownerOf(shard)).toBeUndefined();
    await (await claimOwnership(shard)).close();
  });

  it("names the other process, recognises its death, and leaves nothing of it", async () => {
    const shard = fresh();
    const { child, said } = await holder(shard);
    expect(said).toBe("owner");
    await expect(claimOwnership(shard)).rejects.toThrow(`process ${child.pid} since 2`);
    expect(await ownerOf(shard)).toMatchObject({ pid: child.pid, epoch: 7, answers: true });
    child.kill("SIGKILL");
    await gone(child);
    expect(sockets(shard)).toHaveLength(1);
    const owner = await claimOwnership(shard);
    expect(sockets(shard)).toHaveLength(1);
    expect((await holder(shard)).said).toMatch(
      `Conflict: ${shard} is open for writing in process ${process.pid} since`,
    );
    await owner.close();
  });

  it("does not wait long for a stopped owner, and names it all the same", async () => {
    const shard = fresh();
    const { child } = await holder(shard);
    child.kill("SIGSTOP");
    const started = performance.now();
    await expect(claimOwnership(shard)).rejects.toThrow(`process ${child.pid}, which does not answer`);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(await ownerOf(shard)).toEqual({ pid: child.pid, answers: false });
    const taken = await claimOwnership(shard, { takeover: true });
    child.kill("SIGCONT");
    child.stdin?.end(); // it closes, which must not take our name away
    await gone(child);
    expect(await ownerOf(shard)).toMatchObject({ pid: process.pid });
    await taken.close();
  });

  it("is taken over from a live owner", async () => {
    const shard = fresh();
    const { child } = await holder(shard);
    const taken = await claimOwnership(shard, { takeover: true });
    expect(await ownerOf(shard)).toMatchObject({ pid: process.pid });
    const [again] = await Promise.all([holder(shard, "takeover"), holder(shard, "takeover")]);
    expect(again.said).toBe("owner");
    expect((await ownerOf(shard))?.pid).not.toBe(process.pid);
    await taken.close();
    expect(sockets(shard)).toHaveLength(1);
    child.kill();
  });

  it("lets a process end that holds it", async () => {
    const { child } = await holder(fresh());
    child.stdin?.end();
    expect(await gone(child)).toBe(0);
  });

  it("has one owner at a time among many in one process", async () => {
    const shard = fresh();
    let owners = 0;
    let won = 0;
    const contend = async () => {
      for (let round = 0; round < 4; round++) {
        const owner = await claimOwnership(shard).catch(() => undefined);
        if (owner === undefined) continue;
        won++;
        expect(++owners).toBe(1);
        await sleep(Math.random() * 4);
        owners--;
        await owner.close();
      }
    };
    await Promise.all(Array.from({ length: 8 }, contend));
    expect(won).toBeGreaterThan(0);
    expect(sockets(shard)).toEqual([]);
  }, 20_000);

  it("has one owner at a time among several processes", async () => {
    const shard = fresh();
    mkdirSync(shard, { recursive: true });
    const run = () =>
      new Promise<string>((resolve) => {
        execFile(process.execPath, [script, "contend", shard, "40"], (_, out) => resolve(out.trim()));
      });
    const said = await Promise.all(Array.from({ length: 4 }, run));
    expect(said).not.toContain("two owners");
    expect(said.some((text) => Number(text) > 0 || text === "")).toBe(true);
    await (await claimOwnership(shard)).close();
    expect(sockets(shard)).toEqual([]);
  }, 30_000);

  it("ignores and tidies what is no socket of an owner", async () => {
    const shard = fresh();
    mkdirSync(shard, { recursive: true });
    const old = join(shard, ".owner-1-00000000.tmp");
    const dead = join(shard, "owner-1-00000000.sock");
    for (const path of [old, dead, join(shard, "owner-x.sock"), join(shard, ".owner-1-00000001.tmp")])
      writeFileSync(path, "");
    utimesSync(old, 1, 1);
    await (await claimOwnership(shard)).close();
    expect(sockets(shard)).toEqual([".owner-1-00000001.tmp", "owner-x.sock"]);
  });

  it.each([
    ["says nothing", (): void => {}],
    [
      "says something else",
      (server: Server) => server.on("connection", (socket) => socket.end("HTTP/1.1 400\r\n\r\n")),
    ],
    [
      "floods",
      (server: Server) => server.on("connection", (socket) => socket.on("error", () => {}).write("x".repeat(1e6))),
    ],
    ["hangs up", (server: Server) => server.on("connection", (socket) => socket.destroy())],
  ])("takes a listener that %s for an owner", async (_, behave) => {
    const shard = fresh();
    mkdirSync(shard, { recursive: true });
    const server = createServer();
    behave(server);
    const name = await new SocketDirectory(shard).listen(server);
    expect(Buffer.byteLength(join(shard, name))).toBeGreaterThan(107);
    await expect(claimOwnership(shard)).rejects.toThrow(/does not answer/);
    expect(existsSync(join(shard, name))).toBe(true);
    server.close();
  });

  it("goes elsewhere when the directory cannot hold a socket", async () => {
    // /proc lets nobody create anything, not even root.
    const shard = `/proc/${process.pid}`;
    if (!existsSync(shard)) return;
    const owner = await claimOwnership(shard);
    await expect(claimOwnership(shard)).rejects.toThrow(ConflictError);
    expect(await ownerOf(shard)).toMatchObject({ pid: process.pid });
    await owner.close();
    expect(await ownerOf(shard)).toBeUndefined();
    expect(existsSync(privateDirectoryPath(""))).toBe(true);
  });

  it("is aborted by its signal", async () => {
    const shard = fresh();
    await expect(claimOwnership(shard, { signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
    expect(sockets(shard)).toEqual([]);
  });

  it("fails where there can be no directory", async () => {
    const file = join(root, "file");
    writeFileSync(file, "");
    await expect(claimOwnership(join(file, "x"))).rejects.toThrow(StorageError);
  });
});
