/**
 * Rounds in which a process is killed at a random instant, and the table it leaves is looked at, then gone on with by the next.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../arrow-random-data.js";
import { bundle } from "../bundle.js";
import { mix } from "../stress/run.js";
import { InThreadTable } from "./in-thread.js";
import { openLife, textOf } from "./life-script.js";
import { assertNoOrphans, assertSound } from "./life-states.js";
import { operate, operationOf } from "./random-kill.js";

/** @returns operations that were acknowledged. @throws Error when a table is not what it must be, with the round */
export async function randomKillRounds(seed: number, rounds: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "pennon-random-kill-"));
  const path = join(folder, "life");
  const program = await bundle(new URL("./random-kill.fixture.ts", import.meta.url));
  const rows = new Map<number, string>();
  let next = 0;
  try {
    await (await openLife(path)).close();
    for (let round = 0; round < rounds; round++) {
      const random = new Random(mix(seed, -1 - round));
      const acknowledged = await killed([program, path, String(seed), String(next)], 20 + random.below(150), random);
      for (; next <= acknowledged; next++) operate(rows, operationOf(seed, next));
      try {
        if (await checkTable(path, rows, seed, next)) next++;
      } catch (cause) {
        throw new Error(
          `round ${round}, after operation ${next - 1}: ${cause instanceof Error ? cause.message : cause}`,
          {
            cause,
          },
        );
      }
    }
    return next;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Runs a process until it has said so many lines, and kills it some time later. @returns the number that it has said last */
async function killed(command: readonly string[], lines: number, random: Random): Promise<number> {
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  const said = createInterface({ input: child.stdout });
  let last = -1;
  let heard = 0;
  said.on("line", (line) => {
    last = Number(line);
    if (++heard === lines) void sleep(random.below(60)).then(() => child.kill("SIGKILL"));
  });
  await Promise.all([closed, once(said, "close")]);
  if (child.signalCode !== "SIGKILL") throw new Error(`the process has ended with ${child.exitCode}, after ${last}`);
  return last;
}

/** @returns whether the operation that was not acknowledged has taken place; then it is in `rows` */
async function checkTable(path: string, rows: Map<number, string>, seed: number, next: number): Promise<boolean> {
  const table = await InThreadTable.open(path);
  try {
    const before = textOf(rows);
    const found = await table.text();
    const isNext = found !== before;
    if (isNext) operate(rows, operationOf(seed, next));
    if (found !== textOf(rows)) throw new Error(`holds ${found}; expected ${before} or ${textOf(rows)}`);
    await table.live({ call: "collect" });
    await assertNoOrphans(table);
    if ((await table.text()) !== found) throw new Error("a collection has changed what it holds");
    return isNext;
  } finally {
    await table.close();
    await assertSound(table);
  }
}
