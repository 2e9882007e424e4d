/** Processes that are killed before a step of flush, merge, collection or optimizing: each kind of step once. Every step in the stress run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { LifeKiller } from "./life-kill.js";

const folder = mkdtempSync(join(tmpdir(), "pennon-life-"));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

it("loses nothing when it is killed before a step of its maintenance", { timeout: 240_000 }, async () => {
  const killer = await LifeKiller.make(folder);
  const steps = await killer.steps();
  expect(steps).toEqual(
    expect.arrayContaining(["publish the SSTable", "watermark:before", "remove an SSTable's file", "cleanup:before"]),
  );
  // The last of its kind: then there is most to lose.
  for (const step of new Set(steps)) await killer.kill(steps.lastIndexOf(step));
});
