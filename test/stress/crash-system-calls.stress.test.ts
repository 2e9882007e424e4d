import { beforeAll, describe, expect, it } from "vitest";
import {
  CLAIM,
  callsOfAClaim,
  callsOfAClose,
  callsOfAPut,
  distinct,
  PUTS,
  runWithAnyFault,
  UNSYNCED_PUTS,
} from "../crash/call-faults.js";
import type { Call } from "../crash/log-calls.js";
import { hasStrace } from "../crash/strace.js";
import { type TracedRunOptions, tracedRun } from "../crash/traced-run.js";
import { bundlePrograms } from "../crash/writer-process.js";
import { short } from "./run.js";

const traced = hasStrace("failures of real system calls, and being killed at each");

const FAULTS = ["error=EIO", "error=ENOSPC", "signal=SIGKILL"];

describe.skipIf(!traced)("at each system call", () => {
  let program: string;

  beforeAll(async () => {
    program = (await bundlePrograms()).writer;
  });

  it.each<[string, TracedRunOptions, (run: Awaited<ReturnType<typeof tracedRun>>) => readonly Call[]]>([
    ["a claim", CLAIM, callsOfAClaim],
    ["a put", PUTS, callsOfAPut],
    ["a close", UNSYNCED_PUTS, callsOfAClose],
  ])("of %s, a failure or the end of the process loses nothing", async (_, options, callsOf) => {
    const all = callsOf(await tracedRun(program, options));
    const calls = short ? distinct(all) : all;
    expect(calls.length).toBeGreaterThan(3);
    const endings = new Map<string, number>();
    for (const does of short ? FAULTS.slice(2) : FAULTS) {
      for (const call of calls) {
        const { ending } = await runWithAnyFault(program, options, { call, does });
        endings.set(ending, (endings.get(ending) ?? 0) + 1);
      }
    }
    console.log(JSON.stringify({ calls: calls.length, endings: Object.fromEntries(endings) }));
    expect([...endings.keys()].filter((ending) => !ENDINGS.has(ending))).toEqual([]);
  });
});

const ENDINGS = new Set(["closed", "Storage", "OutcomeUnknown", "SIGKILL"]);
