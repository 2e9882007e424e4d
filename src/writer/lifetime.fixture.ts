/** A writer on a directory, for processes that are started from a line of code. */
import { Field, Int64, Schema } from "apache-arrow";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { ShardWriter } from "./shard-writer.js";
import type { ShardWriterOptions } from "./writer-settings.js";

const schema = new Schema([new Field("id", new Int64(), false)]);

export function open(directory: string, options: Partial<ShardWriterOptions> = {}): Promise<ShardWriter> {
  return ShardWriter.open({ log: { directory }, shardId: UNSHARDED_SHARD_ID, schema, primaryKey: ["id"], ...options });
}
