/**
 * What is left of a table when the process that lives the script ends after any of its calls to the file system, and whether the table can
 * be opened then, holds what was acknowledged, and comes to the same end.
 *
 * The process runs once, under a tracer. Its calls are played again on a model of a disk, so that every instant is looked at, and no
 * instant has to be hit.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { verifyTable } from "../../src/compact/verify.js";
import { loadLanceDb } from "../../src/lance/lancedb-module.js";
import { ManifestStore } from "../../src/lance/manifest-store.js";
import { MANIFEST_PREFIX, WAL_PREFIX } from "../../src/lance/names.js";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { listSsTableDirectories } from "../../src/lance/ss-table-files.js";
import { storageSchema } from "../../src/lance/storage-schema.js";
import { LocalStore } from "../../src/storage/local-store.js";
import { bundle } from "../bundle.js";
import { lanceDatabase, lanceRows } from "../lancedb.js";
import { DiskModel, ENDINGS, type Ending, lay, type Remains, readRemains } from "./disk-model.js";
import { type FileEvent, readHistory, tracedWrites } from "./file-history.js";
import { InThreadTable } from "./in-thread.js";
import { openLife, rowsAfter, SCRIPT, textOf } from "./life-script.js";

/** One way to end. */
export interface State {
  readonly ending: Ending;
  /** Number of the call after which it ends, and what it was, without names that differ from run to run. */
  readonly at: number;
  readonly what: string;
  /** Steps of the script that were done. */
  readonly done: number;
  readonly remains: Remains;
}

/** A run of the script: what was there before, what was done, what is there after it. */
export interface History {
  readonly events: readonly FileEvent[];
  /** Directory of the database; the files in it are those of the end. */
  readonly root: string;
  readonly before: DiskModel;
}

/** Runs the script once, in a process that is traced. @param folder for its files */
export async function traceLife(folder: string): Promise<History> {
  const root = join(realpathSync(folder), "db");
  const log = join(folder, "trace");
  await (await openLife(join(root, "life"))).close();
  const before = new DiskModel(root);
  const program = await bundle(new URL("./life-process.fixture.ts", import.meta.url));
  const [tracer = "", ...options] = tracedWrites(log);
  await promisify(execFile)(tracer, [...options, process.execPath, program, join(root, "life")]);
  return { events: readHistory(log), root, before };
}

/**
 * The different states, in order.
 *
 * @param isMeant which ones, by how it ends and the number of the last call. @default all
 */
export function* statesOf(
  history: History,
  isMeant: (ending: Ending, at: number) => boolean = () => true,
): Generator<State, void> {
  const { events, root, before: disk } = history;
  const seen = new Set<string>();
  let done = 0;
  for (const [at, event] of events.entries()) {
    if (event.kind === "said") done = Number(event.line);
    if (!disk.apply(event)) continue;
    for (const ending of ENDINGS) {
      if (!isMeant(ending, at)) continue;
      const remains = disk.remains(ending);
      const digest = digestOf(remains, done);
      if (seen.has(digest)) continue;
      seen.add(digest);
      yield { ending, at, what: whatOf(event, root), done, remains };
    }
  }
}

/** Of each kind of call on each kind of file the number of the last one: then there is most to lose. */
export function lastOfEachKind({ events, root }: History): ReadonlySet<number> {
  const last = new Map<string, number>();
  for (const [at, event] of events.entries()) last.set(whatOf(event, root), at);
  return new Set(last.values());
}

/** @throws Error when the model of the disk comes to another end than the disk */
export function assertSameEnd({ root, before: disk }: History): void {
  const [want, found] = [readRemains(root), disk.remains("kill")];
  const names = (remains: Remains) => [...remains.keys()].filter((path) => !path.endsWith(".sock")).sort();
  if (names(want).join("\n") !== names(found).join("\n")) throw new Error("the model of the disk has other files");
  for (const [path, bytes] of want) {
    if (bytes !== undefined && !found.get(path)?.equals(bytes)) throw new Error(`${path} has other bytes in the model`);
  }
}

/** @throws Error when something is lost, doubled, left behind or broken */
export async function checkState({ ending, at, what, done, remains }: State): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pennon-state-"));
  try {
    lay(remains, join(folder, "db"));
    await checkTable(join(folder, "db"), done);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${ending} after call ${at}, ${what}, with ${done} of ${SCRIPT.length} steps done: ${problem}`, {
      cause,
    });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * Opens a table that was left behind, and has it come to its end.
 *
 * @param done steps of the script that were done
 * @throws Error when something is lost, doubled, left behind or broken
 */
export async function checkTable(database: string, done: number): Promise<void> {
  const table = await InThreadTable.open(join(database, "life"));
  let rows: string;
  try {
    rows = await table.text();
    // The step that was not done may have left its row, all of it or nothing.
    const may = [done, Math.min(done + 1, SCRIPT.length)].map((steps) => textOf(rowsAfter(steps)));
    if (!may.includes(rows)) throw new Error(`holds ${rows}; expected ${may.join(" or ")}`);
    for (const call of ["collect", "compact", "collect"] as const) {
      await table.live({ call });
      const after = await table.text();
      if (after !== rows) throw new Error(`holds ${after} after ${call}; before ${rows}`);
      await assertNoOrphans(table);
    }
  } finally {
    await table.close();
  }
  await assertSound(table);
  const connection = await lanceDatabase(database);
  const base = await connection.openTable("life");
  const found = (await lanceRows(base)).map(({ id, text }): [number, string] => [Number(id), String(text)]);
  base.close();
  connection.close();
  if (textOf(found) !== rows) throw new Error(`LanceDB reads ${textOf(found)}; expected ${rows}`);
}

/** @throws Error when there are SSTables that no manifest lists, or files that nobody will rename */
export async function assertNoOrphans({ table: { shardDirectory: shard } }: InThreadTable): Promise<void> {
  const store = new LocalStore(shard);
  const manifest = await new ManifestStore(store, UNSHARDED_SHARD_ID).load();
  const listed = new Set(manifest?.ssTables.map(({ path }) => path));
  const left = (await listSsTableDirectories(shard)).filter((name) => !listed.has(name));
  for (const prefix of [WAL_PREFIX, MANIFEST_PREFIX]) {
    for await (const { key } of store.list(prefix)) if (key.includes("tmp")) left.push(key);
  }
  await store.close();
  if (left.length > 0) throw new Error(`a collection has left ${left.join(", ")}`);
}

/** @throws Error when `verify` finds one */
export async function assertSound({ table: { tableDirectory, schema, primaryKey } }: InThreadTable): Promise<void> {
  const options = { lancedb: await loadLanceDb(), tableDirectory, shardIds: [UNSHARDED_SHARD_ID] };
  for await (const found of verifyTable({ ...options, schema: storageSchema(schema, primaryKey), primaryKey })) {
    if (found.severity === "error") throw new Error(`verify finds ${found.file}: ${found.problem}`);
  }
}

/** What a call was, without names that differ from run to run. */
function whatOf(event: FileEvent, root: string): string {
  if (event.kind === "said") return event.kind;
  const path = event.path
    .slice(root.length + "/life.lance/".length)
    .replace(/_mem_wal\/[^/]+/, "shard")
    .replace(/(shard\/[0-9a-f]{8}_gen_)\d+(\.lance|)\/.*/, "the inside of an SSTable$2")
    .replace(/[0-9a-f]{8}_gen_\d+/, "SSTable")
    .replace(/\.tmp.*$|#1$|[^/]*\.tmp$/, "temporary")
    .replace(/^(_\w+|data|shard\/(?:wal|manifest))\/.*(temporary|\.\w+)$/, "$1/…$2");
  return `${event.kind} ${path}`;
}

function digestOf(remains: Remains, done: number): string {
  const hash = createHash("sha256").update(String(done));
  for (const [path, bytes] of remains) hash.update(`\0${path}\0`).update(bytes ?? "");
  return hash.digest("base64");
}
