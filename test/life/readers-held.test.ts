/**
 * Readers of every kind, looked at before each step of flush, merge, watermark, collection and optimizing: a thread with an old snapshot of the
 * memtables, an old snapshot of all tiers, a new one; LanceDB through a handle that was opened before, one that refreshes, and a new one.
 * None ever misses a row, has it twice, or has an old version of it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lanceDatabase, lanceRows } from "../lancedb.js";
import { startHeldReader } from "./held-reader.js";
import { InThreadTable } from "./in-thread.js";
import { AT_ONCE, openLife, rowsAfter, SCRIPT, textOf } from "./life-script.js";

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "pennon-readers-"));
  await (await openLife(join(folder, "life"))).close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

/** Long enough for readers that hold on to what they have. */
const HOUR_MS = 3_600_000;
const RETAINING = { ...AT_ONCE, retentionMs: HOUR_MS, versionRetentionMs: HOUR_MS };

const lanceText = (rows: readonly Record<string, unknown>[]) =>
  textOf(rows.map(({ id, text }): [number, string] => [Number(id), String(text)]));

it("see the same rows before and after each step", { timeout: 120_000 }, async () => {
  let look = async (_step: string): Promise<void> => {};
  const table = await InThreadTable.open(join(folder, "life"), { onStep: (step) => look(step) }, RETAINING);
  const connection = await lanceDatabase(folder);
  const [old, refreshing] = [await connection.openTable("life"), await connection.openTable("life")];
  const steps = new Set<string>();
  /** Steps of the script whose rows are in the table, and in SSTables. */
  let [put, flushed] = [0, 0];

  for (const [i, step] of SCRIPT.entries()) {
    const held = await table.capture();
    const rowsHeld = textOf(rowsAfter(put));
    const thread = await startHeldReader(table.pool, false);
    if (!("call" in step)) put = i + 1;
    // What a flush publishes; a merge begins with one.
    const publishes = "call" in step && (step.call === "flush" || step.call === "compact") ? put : flushed;
    look = async (name) => {
      steps.add(name.replace(/ .*/, ""));
      const text = textOf(rowsAfter(put));
      expect(await table.text(), name).toBe(text);
      expect(await table.textOf(held), name).toBe(rowsHeld);
      expect(await thread.look(), name).toEqual(thread.first);
      if (name === "published" || /^(upsert|sync|put)/.test(name)) flushed = publishes;
      const fresh = await connection.openTable("life");
      await refreshing.checkoutLatest();
      for (const [kind, handle] of Object.entries({ old, refreshing, fresh })) {
        const where = `${kind} handle of LanceDB at step ${i}, ${name}`;
        expect(lanceText(await lanceRows(handle)), where).toBe(textOf(rowsAfter(flushed)));
        const one = await lanceRows(handle, "id = 2");
        expect(lanceText(one), where).toBe(textOf([...rowsAfter(flushed)].filter(([id]) => id === 2)));
      }
      fresh.close();
    };
    await table.live(step);
    flushed = publishes;
    await look("step done");
    held.release();
  }
  expect([...steps]).toEqual(
    expect.arrayContaining([
      "publish",
      "published",
      "upsert:before",
      "watermark:after",
      "remove",
      "optimize:after",
      "cleanup:after",
    ]),
  );
  old.close();
  refreshing.close();
  connection.close();
  await table.close();
});
