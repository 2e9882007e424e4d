/**
 * `pennon stats` as a command.
 *
 * @module
 */
import { readMemWalIndex } from "../../lance/mem-wal-index.js";
import { shardDirectory } from "../../lance/names.js";
import { EXIT } from "../failure.js";
import { print } from "../print.js";
import { findTableOrShard, shardsOf } from "../shard-path.js";
import { type ShardStats, shardStats } from "./shard-stats.js";
import { statsJson } from "./stats-json.js";
import { statsText } from "./stats-text.js";

/** The options of the command. */
export interface StatsFlags {
  readonly json?: boolean;
}

/**
 * Runs the command and prints what comes of it.
 *
 * @returns the exit code
 * @throws what is wrong with the path, a manifest or the storage, see `failureOf`
 */
export async function runStats(path: string, { json = false }: StatsFlags): Promise<number> {
  const place = findTableOrShard(path);
  const { tableDirectory } = place;
  const index = tableDirectory === undefined ? undefined : await readMemWalIndex(tableDirectory);
  const shards: ShardStats[] = [];
  if ("shardId" in place) {
    shards.push(await shardStats(place.shardId, place.shardDirectory, index));
  } else {
    for (const id of shardsOf(place.tableDirectory)) {
      shards.push(await shardStats(id, shardDirectory(place.tableDirectory, id), index));
    }
  }
  const text = json ? statsJson(tableDirectory, index, shards) : statsText(path, tableDirectory, index, shards);
  await print(text);
  return EXIT.OK;
}
