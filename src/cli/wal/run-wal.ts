/**
 * `pennon wal` as a command: surveys the log of a shard and prints every entry.
 *
 * @module
 */
import { surveyLog } from "../../lance/log-survey.js";
import { ManifestStore } from "../../lance/manifest-store.js";
import { LocalStore } from "../../storage/local-store.js";
import { EXIT } from "../failure.js";
import { oneLine } from "../one-line.js";
import { print } from "../print.js";
import { findShard } from "../shard-path.js";
import { columnsOf } from "../table-columns.js";
import { LogTotals } from "./log-totals.js";
import { walJsonHeading, walJsonLine, walJsonSummary } from "./wal-json.js";
import { walHeading, walLines, walSummary } from "./wal-text.js";

/** The options of the command. */
export interface WalFlags {
  readonly json?: boolean;
}

/** Characters that are handed to the system at once. */
const CHUNK_CHARS = 65_536;

/**
 * Runs the command and prints what comes of it.
 *
 * @returns the exit code
 * @throws what is wrong with the path, the manifest or the storage, see `failureOf`
 */
export async function runWal(path: string, { json = false }: WalFlags): Promise<number> {
  const place = findShard(path);
  // Where they cannot be found out, entries are held only against themselves.
  const { schema } = await columnsOf(place.tableDirectory);
  const store = new LocalStore(place.shardDirectory);
  try {
    const manifest = await new ManifestStore(store, place.shardId).load();
    const { replayAfter = 0, lastSeen = 0 } = manifest ?? {};
    const totals = new LogTotals();
    let text = json ? walJsonHeading(place, manifest) : walHeading(place, manifest);
    let first = true;
    for await (const finding of surveyLog(store, { replayAfter, lastSeen, schema })) {
      totals.add(finding);
      text += json ? walJsonLine(finding, first) : walLines(finding);
      first = false;
      if (text.length < CHUNK_CHARS) continue;
      await print(text);
      text = "";
    }
    const problem = totals.problem(manifest);
    await print(text + (json ? walJsonSummary(totals, problem) : walSummary(totals)));
    if (problem === undefined) return EXIT.OK;
    process.stderr.write(`pennon: ${oneLine(`${path}: ${problem}; pennon repair says what can be done`)}\n`);
    return EXIT.FAILED;
  } finally {
    await store.close();
  }
}
