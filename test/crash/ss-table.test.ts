/** No manifest lists an SSTable before all of it survives a loss of power, as the system's calls show. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { listSsTableDirectories } from "../../src/lance/ss-table-files.js";
import { bundle } from "../bundle.js";
import { hasStrace, straced } from "./strace.js";

const traced = hasStrace("the fsyncs of an SSTable");

const NAMES = ["link", "linkat", "rename", "renameat", "renameat2"];

/** Calls that succeeded, in the order in which they ended: what was synced, or what a name was given to. */
function callsOf(trace: string): { readonly name: string; readonly path: string }[] {
  const begun = new Map<string, string>();
  const calls: { name: string; path: string }[] = [];
  for (const line of readFileSync(trace, "utf8").split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (rest.endsWith("<unfinished ...>")) {
      begun.set(thread, rest);
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const call = resumed === null ? rest : `${begun.get(thread)}${resumed[1]}`;
    const [, name, given] = /^(\w+)\((.*)/.exec(call) ?? [];
    if (name === undefined || given === undefined || !/ = 0$/.test(call)) continue;
    const path = NAMES.includes(name)
      ? [...given.matchAll(/"(\/[^"]*)"/g)].at(-1)?.[1]
      : /^\d+<([^>]*)>/.exec(given)?.[1];
    if (path !== undefined) calls.push({ name: NAMES.includes(name) ? "name" : "sync", path });
  }
  return calls;
}

describe.skipIf(!traced)("an SSTable", { timeout: 60_000 }, () => {
  it("is durable, each file and each name, before a manifest lists it", async () => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), "pennon-ss-table-trace-")));
    try {
      const shard = join(root, "shard");
      mkdirSync(shard);
      const trace = join(root, "trace");
      const program = await bundle(new URL("./ss-table.fixture.ts", import.meta.url), {
        external: ["apache-arrow", "@lancedb/lancedb"],
      });
      const [tracer = "", ...options] = straced({
        calls: ["fsync", "fdatasync", ...NAMES],
        log: trace,
        inOneLog: true,
      });
      execFileSync(tracer, [...options, process.execPath, program, shard]);
      const calls = callsOf(trace);
      const [name = ""] = await listSsTableDirectories(shard);
      const finished = join(shard, name);

      const place = (of: string, path: string) => calls.findLastIndex((call) => call.name === of && call.path === path);
      const renamed = place("name", finished);
      const manifests = calls.flatMap(({ name: of, path }, at) =>
        of === "name" && path.endsWith(".binpb") ? [at] : [],
      );
      const listed = manifests.at(-1) ?? -1;
      expect(renamed).toBeGreaterThan(0);
      expect(listed).toBeGreaterThan(renamed);

      const entries = readdirSync(finished, { recursive: true, withFileTypes: true });
      const parts = ["", ...entries.map((entry) => relative(finished, join(entry.parentPath, entry.name)))];
      expect(parts).toEqual(expect.arrayContaining(["data", "_indices", "_versions", "pennon_filter.bin"]));
      const unsynced = parts.filter((part) => {
        const synced = place("sync", join(`${finished}.lance`, part));
        return synced < 0 || synced > renamed;
      });
      expect(unsynced).toEqual([]);
      const named = calls.findIndex(({ name: of, path }, at) => of === "sync" && path === shard && at > renamed);
      expect(named).toBeGreaterThan(renamed);
      expect(named).toBeLessThan(listed);
    } finally {
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    }
  });
});
