/** Devices and quotas that are really full, met in the midst of a write. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { Told } from "./told.js";
import { goOn, MEMTABLE_BYTES, verifyShard } from "./verify-shard.js";
import { bundlePrograms, type Programs, WriterProcess } from "./writer-process.js";

/** With it the first puts are small. */
const SEED = 25;

let programs: Programs;
let root: string;
let running: WriterProcess | undefined;

beforeAll(async () => {
  programs = await bundlePrograms();
});
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pennon-full-"));
});
afterEach(async () => {
  await running?.destroy();
  await rm(root, { recursive: true, force: true, maxRetries: 3 });
});

/**
 * Puts until there is no room; then holds the log against what was told, and goes on with it where there is room.
 *
 * @param wrapper runs the command behind it
 * @param directory where the process puts
 * @param found where that is to be found afterwards
 */
async function putUntilFull(wrapper: readonly string[], directory: string, found: string): Promise<void> {
  const told = new Told();
  running = new WriterProcess(
    programs.writer,
    {
      directory,
      shardId: UNSHARDED_SHARD_ID,
      seed: SEED,
      run: 0,
      memtableBytes: MEMTABLE_BYTES,
      callers: [0, 1, 2].map((caller) => ({ caller, outstanding: 1 + caller })),
      producer: { path: programs.producer, callers: [{ caller: 3, outstanding: 2 }] },
      puts: 10_000,
    },
    told,
    wrapper,
  );
  expect(await running.ended()).toEqual({ code: 0, signal: null });
  expect(running.stderr).toBe("");
  expect(running.lines.at(-1)).toBe("ended Storage");
  expect(told.acknowledged.length).toBeGreaterThan(5);
  const codes = new Set(told.failed.values());
  expect(codes).toContain("Storage");
  // The producer's next put may come after the writer has stopped.
  expect([...codes].filter((code) => code !== "Storage" && code !== "Closed")).toEqual([]);
  const { held } = await verifyShard(found, told, SEED);
  expect(held.size).toBeGreaterThan(5);
  expect(readdirSync(join(found, "wal")).filter((name) => name.startsWith(".tmp"))).toEqual([]);
  await goOn(found, told, SEED, 1);
  await verifyShard(found, told, SEED);
}

/** Runs a command with a file system of its own, 3 MiB in memory, and copies what is there when it has ended. */
const ON_SMALL_DISK = `
mount -t tmpfs -o size=3m none "$1" || exit 9
from="$1" to="$2"; shift 2
"$@"
status=$?
cp -r "$from/." "$to"
exit $status`;

/** Of util-linux. */
const UNSHARE = "unshare";

function mayMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), "pennon-mount-"));
  try {
    execFileSync(UNSHARE, ["-rm", "mount", "-t", "tmpfs", "none", directory], { stdio: "ignore" });
    return true;
  } catch {
    console.warn("SKIPPED: writing to a full device: this system lets nobody mount one in a namespace of its own.");
    return false;
  }
}

describe("a writer that meets its end of room", { timeout: 60_000 }, () => {
  it("within a file, stops and has written nothing of the entry", async () => {
    // In units of 512 bytes. The system takes what fits, and refuses the rest.
    await putUntilFull(["sh", "-c", 'ulimit -f 400; exec "$@"', "sh"], root, root);
  });

  it.skipIf(!mayMount())("on the device, stops and has written nothing of the entry", async () => {
    const [disk, found] = [join(root, "disk"), join(root, "found")];
    mkdirSync(disk);
    mkdirSync(found);
    const wrapper = [UNSHARE, "-rm", "sh", "-c", ON_SMALL_DISK, "sh", disk, found];
    await putUntilFull(wrapper, disk, found);
  });
});
