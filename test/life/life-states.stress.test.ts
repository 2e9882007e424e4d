/**
 * A table whose process ends at any instant: every state that killing it or a loss of power can leave, and in the short form one in eight.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { hasStrace } from "../crash/strace.js";
import { seed, seeded, short } from "../stress/run.js";
import { assertSameEnd, checkState, statesOf, traceLife } from "./life-states.js";

const folder = mkdtempSync(join(tmpdir(), "pennon-life-"));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

it.skipIf(!hasStrace("what is left of a table at every instant"))(
  "holds what was acknowledged, after every single call",
  async () => {
    await seeded(async () => {
      const history = await traceLife(folder);
      const failures: string[] = [];
      let states = 0;
      for (const state of statesOf(history)) {
        if (states++ % 8 !== seed % 8 && short) continue;
        await checkState(state).catch((error: unknown) => failures.push(String(error)));
      }
      assertSameEnd(history);
      console.log(JSON.stringify({ seed, calls: history.events.length, states, failures: failures.length }));
      expect(failures).toEqual([]);
      expect(states).toBeGreaterThan(400);
    });
  },
);
