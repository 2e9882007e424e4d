/** Failures of real system calls, at each step of the way of an entry. */
import { beforeAll, describe, expect, it } from "vitest";
import { CLAIM, callsOfAClaim, callsOfAPut, distinct, NEXT, PUTS, runWithFault, TARGET } from "./call-faults.js";
import type { Call } from "./log-calls.js";
import { hasStrace } from "./strace.js";
import { tracedRun } from "./traced-run.js";
import { bundlePrograms } from "./writer-process.js";

const traced = hasStrace("failures of real system calls");

interface Outcome {
  /** What the process ends with. */
  readonly ending: string;
  /** The put that fails. */
  readonly failed?: string;
  /** Whether the put whose calls these are is in the log. */
  readonly held: boolean;
}

const FAILS: Outcome = { ending: "Storage", failed: TARGET, held: false };
const UNKNOWN: Outcome = { ending: "OutcomeUnknown", failed: TARGET, held: true };
const SUCCEEDS: Outcome = { ending: "closed", held: true };
/** The call is the next put's. */
const NEXT_FAILS: Outcome = { ending: "Storage", failed: NEXT, held: true };

/** What follows when a call fails for good. */
const OUTCOMES: Readonly<Record<string, Outcome>> = {
  "writev wal/temporary": FAILS,
  "fsync wal/temporary": FAILS,
  "close wal/temporary": FAILS,
  "open wal": FAILS,
  "link wal/object": FAILS,
  "unlink wal/temporary": SUCCEEDS,
  "fsync wal": UNKNOWN,
  "close wal": SUCCEEDS,
  "statx manifest/object": UNKNOWN,
  "statx shard": NEXT_FAILS,
};

describe.skipIf(!traced)("when a system call of a put fails", { timeout: 60_000 }, () => {
  let program: string;
  let calls: readonly Call[];

  beforeAll(async () => {
    program = (await bundlePrograms()).writer;
    calls = callsOfAPut(await tracedRun(program, PUTS));
  });

  const MAKING = "open wal/temporary";

  it("it is one of these, or makes the next file", () => {
    expect(calls.map(({ what }) => what).filter((what) => what !== MAKING)).toEqual(Object.keys(OUTCOMES));
  });

  it("with EIO of making the next file, that is tried again, or the next put fails", async () => {
    const call = calls.find(({ what }) => what === MAKING);
    if (call === undefined) throw new Error("no file was made");
    const run = await runWithFault(program, PUTS, { call, does: "error=EIO" });
    // It is made ahead, unless the next put is there already.
    expect(["closed", "Storage"]).toContain(run.ending);
    expect([...run.told.failed]).toEqual(run.ending === "closed" ? [] : [[NEXT, "Storage"]]);
    expect(run.held.has(TARGET)).toBe(true);
  });

  const rows = Object.entries(OUTCOMES).map(([what, outcome]) => ({ what, error: "EIO", ...outcome }));
  const full = rows.filter(({ what }) => /^(writev|link)/.test(what)).map((row) => ({ ...row, error: "ENOSPC" }));
  // What passes by itself is tried again.
  const passing = { what: "link wal/object", error: "ENOMEM", ...SUCCEEDS };

  it.each([...rows, ...full, passing])(
    "with $error of $what, the process ends with $ending",
    async ({ what, error, ending, failed, held }) => {
      const call = calls.find((one) => one.what === what);
      if (call === undefined) throw new Error(`no call ${what}`);
      const run = await runWithFault(program, PUTS, { call, does: `error=${error}` });
      expect(run.ending).toBe(ending);
      expect([...run.told.failed]).toEqual(failed === undefined ? [] : [[failed, ending]]);
      expect(run.held.has(TARGET)).toBe(held);
    },
  );
});

describe.skipIf(!traced)("when a system call of a claim fails", { timeout: 120_000 }, () => {
  it("the claim fails, and the next one finds everything", async () => {
    const { writer } = await bundlePrograms();
    const calls = callsOfAClaim(await tracedRun(writer, CLAIM));
    const some = distinct(calls).filter(({ what }) => /^(link|fsync (wal|manifest)(\/temporary)?$)/.test(what));
    const endings: Record<string, string> = {};
    for (const call of some) {
      endings[call.what] = (await runWithFault(writer, CLAIM, { call, does: "error=EIO" })).ending;
    }
    expect(endings).toEqual({
      "fsync manifest/temporary": "Storage",
      "link manifest/object": "Storage",
      "fsync manifest": "OutcomeUnknown",
      "fsync wal/temporary": "Storage",
      "link wal/object": "Storage",
      "fsync wal": "OutcomeUnknown",
    });
  });
});
