/** Claims of a shard in a local directory by several processes, and by many callers of one. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bundle } from "../../test/bundle.js";
import { LocalStore } from "../storage/local-store.js";
import { claimShard } from "./claim.js";
import { entryOf, type Line } from "./claim-process.fixture.js";
import { ManifestStore } from "./manifest-store.js";
import { manifestKey, walKey } from "./names.js";
import { UNSHARDED_SHARD_ID } from "./shard-id.js";
import { encodeSentinel } from "./wal-entry.js";

const PROCESSES = 3;
const CLAIMS_EACH = 4;

let program: string;
let directory: string;
let store: LocalStore;

beforeAll(async () => {
  program = await bundle(new URL("./claim-process.fixture.ts", import.meta.url));
});

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pennon-claims-"));
  store = new LocalStore(directory);
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

async function sentinelStands(epoch: number, nextPosition: number): Promise<void> {
  if (epoch > 1) expect(Buffer.compare(await store.get(walKey(nextPosition - 1)), encodeSentinel(epoch))).toBe(0);
}

async function runProcess(): Promise<Line[]> {
  const child = spawn(process.execPath, [program, "claim", directory, String(CLAIMS_EACH)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  expect(code).toBe(0);
  const lines: Line[] = [];
  for (const line of output.split("\n")) if (line !== "") lines.push(JSON.parse(line));
  return lines;
}

describe("processes that claim the same shard", () => {
  it("fence each other, one live at a time", { timeout: 60_000 }, async () => {
    const lines = (await Promise.all(Array.from({ length: PROCESSES }, runProcess))).flat();
    const claims = lines.flatMap((line) => ("claimed" in line ? [line] : []));
    const entries = lines.flatMap((line) => ("acknowledged" in line ? [line] : []));
    expect(new Set(claims.map(({ claimed }) => claimed)).size).toBe(claims.length);
    expect(claims.length).toBe(PROCESSES * CLAIMS_EACH);
    for (const { claimed, nextPosition } of claims) await sentinelStands(claimed, nextPosition);

    expect(new Set(entries.map(({ position }) => position)).size).toBe(entries.length);
    for (const { acknowledged, position, at } of entries) {
      expect(Buffer.compare(await store.get(walKey(position)), entryOf(acknowledged, position))).toBe(0);
      for (const claim of claims) {
        if (claim.claimed <= acknowledged) continue;
        expect(position).toBeLessThan(claim.nextPosition);
        expect(BigInt(at)).toBeLessThan(BigInt(claim.at));
      }
    }
  });
});

describe("callers of one process that claim the same shard", () => {
  it("get an epoch each, or are fenced", async () => {
    const attempts = Array.from({ length: 12 }, () => claimShard(new ManifestStore(store, UNSHARDED_SHARD_ID), store));
    const claims = (await Promise.allSettled(attempts)).flatMap((attempt) => {
      return attempt.status === "fulfilled" ? [attempt.value] : [];
    });
    expect(claims.length).toBeGreaterThan(0);
    const epochs = claims.map(({ epoch }) => epoch);
    expect(new Set(epochs).size).toBe(epochs.length);
    for (const { epoch, nextPosition } of claims) await sentinelStands(epoch, nextPosition);
    const newest = await new ManifestStore(store, UNSHARDED_SHARD_ID).load();
    expect(newest?.writerEpoch).toBe(Math.max(...epochs));
    expect(await store.head(manifestKey((newest?.version ?? 0) + 1))).toBeUndefined();
  });
});
