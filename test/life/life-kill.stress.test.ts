/** Processes that are killed before each step of flush, merge, collection and optimizing; in the short form before one in four. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { seed, seeded, short } from "../stress/run.js";
import { LifeKiller } from "./life-kill.js";

const folder = mkdtempSync(join(tmpdir(), "pennon-life-"));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

it("loses nothing when it is killed before any step of its maintenance", async () => {
  await seeded(async () => {
    const killer = await LifeKiller.make(folder);
    const steps = await killer.steps();
    expect(steps.length).toBeGreaterThan(80);
    for (const stop of steps.keys()) if (!short || stop % 4 === seed % 4) await killer.kill(stop);
    console.log(JSON.stringify({ seed, steps: steps.length }));
  });
});
