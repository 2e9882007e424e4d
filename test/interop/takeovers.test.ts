/** Processes of LanceDB 0.39 and writers of ours on one shard, in turn. */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { shardDirectory } from "../../src/lance/names.js";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { ShardWriter } from "../../src/writer/shard-writer.js";
import { codeOf } from "../crash/callers.js";
import { type LanceTable, lanceUpsert, makeLanceTable } from "../lancedb.js";
import { rowsOf } from "../plain-model.js";
import { bundleLanceProgram, LanceProcess } from "./lancedb-process.js";
import { plainSharedRow, SHARED_SCHEMA, sharedRow, sharedTable } from "./shared-rows.js";

const TABLE = "table";
const IDS = 100_000;
const CALLERS = 3;

let program: string;
let directory: string;
let lance: LanceTable;
let processes: LanceProcess[];

beforeAll(async () => {
  program = await bundleLanceProgram();
});
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "pennon-takeover-"));
  lance = await makeLanceTable(directory, { name: TABLE, schema: SHARED_SCHEMA, primaryKey: ["id"] });
  processes = [];
});
afterEach(async () => {
  for (const process of processes) await process.destroy();
  await lance.close();
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
});

function startLance(turn: number): LanceProcess {
  const options = { database: directory, table: TABLE, firstId: turn * CALLERS * IDS, callers: CALLERS, ids: IDS };
  const process = new LanceProcess(program, options);
  processes.push(process);
  return process;
}

function openOurs(): Promise<ShardWriter> {
  return ShardWriter.open({
    log: { directory: shardDirectory(lance.directory, UNSHARDED_SHARD_ID) },
    shardId: UNSHARDED_SHARD_ID,
    schema: SHARED_SCHEMA,
    primaryKey: ["id"],
    memtableBytes: 1_048_576,
  });
}

/** The rows in a writer's memtables by id; every id was put once. */
function rowsIn(writer: ShardWriter): Map<number, unknown[]> {
  const rows = new Map<number, unknown[]>();
  for (const { store } of writer.memtables) {
    for (const batch of store.batches()) {
      for (const row of rowsOf(batch)) rows.set(Number(row[0]), row.slice(0, -1));
    }
  }
  return rows;
}

function expectRows(found: ReadonlyMap<number, unknown[]>, ids: readonly number[]): void {
  expect(ids.filter((id) => !found.has(id))).toEqual([]);
  for (const [id, row] of found) expect(row).toEqual(plainSharedRow(id));
}

/** Puts until the writer is fenced. */
async function putUntilFenced(
  writer: ShardWriter,
  firstId: number,
): Promise<{ acknowledged: number[]; codes: string[] }> {
  const acknowledged: number[] = [];
  const codes: string[] = [];
  const put = async (first: number): Promise<void> => {
    for (let id = first; id < first + IDS; id++) {
      try {
        await writer.put(sharedRow(id));
      } catch (error) {
        codes.push(codeOf(error));
        return;
      }
      acknowledged.push(id);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, i) => put(firstId + i * IDS)));
  return { acknowledged, codes };
}

it("a shard that a killed process of LanceDB has left is opened with all that LanceDB called durable", {
  timeout: 60_000,
}, async () => {
  const killed = startLance(0);
  await killed.linesOf(150, ["ack"]);
  killed.signal("SIGKILL");
  await killed.ended();
  const writer = await openOurs();
  try {
    expect(killed.acknowledged.length).toBeGreaterThan(150);
    expectRows(rowsIn(writer), killed.acknowledged);
  } finally {
    await writer.close();
  }
});

it("each fences the other, ten times, and nothing that was acknowledged is lost", { timeout: 120_000 }, async () => {
  const acknowledged: number[] = [];
  let theirs = startLance(0);
  for (let turn = 1; turn <= 5; turn++) {
    await theirs.linesOf(10, ["ack", "fail"]);
    const writer = await openOurs();
    const replayed = rowsIn(writer);
    // Theirs learns of it with its next put, and acknowledges nothing that we have not replayed.
    expect(await theirs.ended()).toEqual({ code: 0, signal: null });
    const failures = theirs.lines.filter((line) => line.startsWith("fail"));
    expect(failures.filter((line) => !/fenc|poison/i.test(line))).toEqual([]);
    expect(failures).toHaveLength(CALLERS);
    acknowledged.push(...theirs.acknowledged);
    expectRows(replayed, acknowledged);

    const fenced = putUntilFenced(writer, (10 + turn) * CALLERS * IDS);
    theirs = startLance(turn);
    if ((await theirs.line("ack")) === undefined) throw new Error(`LanceDB did not open: ${theirs.lines}`);
    const ours = await fenced;
    expect(ours.codes.every((code) => code === "Conflict" || code === "OutcomeUnknown")).toBe(true);
    expect(ours.acknowledged.length).toBeGreaterThan(CALLERS);
    acknowledged.push(...ours.acknowledged);
    await expect(writer.close()).rejects.toThrow(/fenc|taken/);
  }
  theirs.signal("SIGKILL");
  await theirs.ended();
  acknowledged.push(...theirs.acknowledged);

  const last = 9_999_999;
  await lanceUpsert(lance.table, sharedTable([last]));
  const rows = (await lance.table.query().toArrow()).batches.flatMap((batch) => rowsOf(batch));
  expectRows(new Map(rows.map((row) => [Number(row[0]), row])), [...acknowledged, last]);
});
