/**
 * A process that upserts rows with LanceDB, each with an id of its own, until it is killed or fenced.
 *
 * Lines it writes: `ack ID COUNT` for the ids from there, `fail MESSAGE`, and `fenced` before it ends.
 */
import { connect } from "@lancedb/lancedb";
import { say } from "../crash/callers.js";
import { lanceUpsert } from "../lancedb.js";
import { sharedTable } from "./shared-rows.js";

/** The process's one argument, as JSON. */
export interface LanceProcessOptions {
  readonly database: string;
  readonly table: string;
  /** First id of the first caller. */
  readonly firstId: number;
  readonly callers: number;
  /** Ids of each caller. */
  readonly ids: number;
}

const MOST_ROWS = 5;

async function run({ database, table: name, firstId, callers, ids }: LanceProcessOptions): Promise<void> {
  const table = await (await connect(database)).openTable(name);
  const upsert = async (first: number): Promise<void> => {
    for (let id = first; id < first + ids - MOST_ROWS; ) {
      const rows = Array.from({ length: 1 + (id % MOST_ROWS) }, (_, i) => id + i);
      await lanceUpsert(table, sharedTable(rows));
      say("ack", id, rows.length);
      id += rows.length;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: callers }, (_, i) => upsert(firstId + i * ids)));
  for (const end of ends) if (end.status === "rejected") say("fail", String(end.reason).replaceAll(/\s+/g, " "));
  await table.closeLsmWriters().catch(() => {}); // one that was fenced throws once
  say("fenced");
}

const [argument] = process.argv.slice(2);
run(JSON.parse(argument ?? "")).catch((error: unknown) => {
  say("fail", String(error));
  process.exitCode = 1;
});
