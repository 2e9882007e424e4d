/**
 * A table whose process ends at some instant, killed or by a loss of power: after the last call of each kind. Every instant in the stress run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { hasStrace } from "../crash/strace.js";
import { assertSameEnd, checkState, lastOfEachKind, statesOf, traceLife } from "./life-states.js";

const folder = mkdtempSync(join(tmpdir(), "pennon-life-"));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

it.skipIf(!hasStrace("what is left of a table at every instant"))(
  "holds what was acknowledged, whatever kind of call was the last",
  { timeout: 240_000 },
  async () => {
    const history = await traceLife(folder);
    const last = lastOfEachKind(history);
    const states = { kill: 0, power: 0, removed: 0 };
    for (const state of statesOf(history, (_, at) => last.has(at))) {
      states[state.ending]++;
      await checkState(state);
    }
    assertSameEnd(history);
    console.log(JSON.stringify({ calls: history.events.length, ...states }));
    expect(Math.min(...Object.values(states))).toBeGreaterThan(2);
  },
);
