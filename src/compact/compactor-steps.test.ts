/** A run of a compactor, stopped, watched and fenced at each of its steps. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lanceRows } from "../../test/lancedb.js";
import { ConflictError } from "../errors.js";
import { MergedTable, sorted } from "./compactor.fixture.js";

const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const row = (id: number, text: string | null) => ({ id: BigInt(id), text });
const key = (id: number) => ({ id: BigInt(id) });

let directory: string;
let table: MergedTable;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "pennon-compact-"));
  table = await MergedTable.make(directory, {
    schema,
    primaryKey: ["id"],
    rows: [row(1, "base"), row(2, "base"), row(3, "base"), row(4, "base")],
  });
});

afterEach(async () => {
  await table.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

/** What the steps of one run are, for a table with two SSTables that are merged one after the other. */
const STEPS = [
  "upsert:before",
  "upsert:after",
  "delete:before",
  "delete:after",
  "sync:before",
  "sync:after",
  "watermark:before",
  "watermark:after",
];
const ONE_BY_ONE = { limits: { mergedKeys: 1 } };

describe("at every step of a run", () => {
  const before = [row(1, "base"), row(2, "base"), row(3, "base"), row(4, "base")];
  const after = sorted([row(2, "b"), row(3, "b"), row(4, "base"), row(6, "a")]);

  async function twoSsTables(): Promise<void> {
    await table.flush([row(2, "a"), row(3, "a"), row(6, "a"), row(7, "a")], [key(1)]);
    await table.flush([row(2, "b"), row(3, "b")], [key(7)]);
  }

  it("every reader sees the same rows: fresh handles, old ones, and those that refresh", async () => {
    await twoSsTables();
    const old = await table.lance.open();
    expect(sorted(await lanceRows(old))).toEqual(after);
    const { connect } = await import("@lancedb/lancedb");
    const refreshing = await (await connect(directory, { readConsistencyInterval: 0 })).openTable("table");
    const steps: string[] = [];
    const look = async (step: string) => {
      steps.push(step);
      const fresh = await table.lance.open();
      for (const handle of [fresh, old, refreshing]) {
        expect(sorted(await lanceRows(handle)), step).toEqual(after);
        expect(sorted(await lanceRows(handle, "id IN (1, 2, 7)")), step).toEqual(sorted([row(2, "b")]));
      }
      // Opened in the midst of a run, kept to its end.
      held.push(fresh);
    };
    const held: Awaited<ReturnType<typeof table.lance.open>>[] = [];
    await table.compact({ ...ONE_BY_ONE, onStep: look });
    expect(steps).toEqual([...STEPS, ...STEPS]);
    for (const handle of held) expect(sorted(await lanceRows(handle))).toEqual(after);
    expect(sorted(before)).not.toEqual(after);
  });

  it("it may end for good: the next run completes it, and nothing is lost, doubled or old", async () => {
    // Each step of the first round, and some of the second.
    for (const stop of [0, 1, 2, 3, 4, 5, 6, 7, 9, 13, 15]) {
      const path = join(directory, `stop-${stop}`);
      const cut = await MergedTable.make(path, { schema, primaryKey: ["id"], rows: before });
      await cut.flush([row(2, "a"), row(3, "a"), row(6, "a"), row(7, "a")], [key(1)]);
      await cut.flush([row(2, "b"), row(3, "b")], [key(7)]);
      let steps = 0;
      const onStep = (step: string) => {
        if (steps++ === stop) throw new Error(`stopped at ${step}`);
      };
      await expect(cut.compact({ ...ONE_BY_ONE, onStep })).rejects.toThrow(/^stopped at/);
      expect((await cut.read()).all, `stopped at ${stop}`).toEqual(after);
      // An SSTable comes in between, so that the next run merges others together.
      await cut.flush([row(3, "c")], [key(6)]);
      await cut.claim();
      await cut.compact();
      const expected = sorted([row(2, "b"), row(3, "c"), row(4, "base")]);
      expect(await cut.read(), `stopped at ${stop}`).toEqual({ all: expected, base: expected });
      await cut.close();
    }
  }, 60_000);

  it("what others have done to the base table after the watermark stays, also through the next run", async () => {
    await twoSsTables();
    await table.compact();
    const other = await table.lance.open();
    await other.update({ where: "id = 2", values: { text: "theirs" } });
    await other.delete("id = 3");
    await table.flush([row(9, "d")]);
    await table.compact();
    const expected = sorted([row(2, "theirs"), row(4, "base"), row(6, "a"), row(9, "d")]);
    expect(await table.read()).toEqual({ all: expected, base: expected });
  });
});

describe("a compactor whose claim is lost", () => {
  it.each(STEPS.filter((step) => step.endsWith(":before") && step !== "sync:before"))(
    "commits nothing that comes after %s",
    async (step) => {
      await table.flush([row(1, "a")], [key(2)]);
      await table.flush([row(1, "b")], [key(3)]);
      let version = 0;
      const onStep = async (name: string) => {
        if (name !== step || version > 0) return;
        await table.claim();
        version = await (await table.lance.open()).version();
      };
      const old = await table.compactor({ ...ONE_BY_ONE, onStep });
      await expect(old.run()).rejects.toThrow(ConflictError);
      // What was about to begin when the claim was lost may have come through; the next thing has not.
      expect(await (await table.lance.open()).version()).toBeLessThanOrEqual(version + 1);
      await expect(old.run()).rejects.toThrow(/fenced/);
      await old.close();
      await table.compact();
      const expected = sorted([row(1, "b"), row(4, "base")]);
      expect(await table.read()).toEqual({ all: expected, base: expected });
    },
  );
});
