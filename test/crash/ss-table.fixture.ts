/**
 * The process whose system calls are watched while it writes an SSTable and publishes it: `node <this> <shard directory>`.
 *
 * @module
 */
import { Field, FixedSizeList, Float32, Int64, Schema } from "apache-arrow";
import { StorageRows } from "../../src/arrow/rows/storage-rows.js";
import { claimShard } from "../../src/lance/claim.js";
import { loadLanceDb } from "../../src/lance/lancedb-module.js";
import { ManifestStore } from "../../src/lance/manifest-store.js";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { publishSsTable } from "../../src/lance/ss-table-publish.js";
import { writeSsTable } from "../../src/lance/ss-table-writer.js";
import { storageSchema } from "../../src/lance/storage-schema.js";
import { LocalStore } from "../../src/storage/local-store.js";

const ROWS = 300;

async function main(shardDirectory: string): Promise<void> {
  const store = new LocalStore(shardDirectory);
  const manifests = new ManifestStore(store, UNSHARDED_SHARD_ID);
  const { epoch } = await claimShard(manifests, store);
  const vector = new FixedSizeList(2, new Field("item", new Float32(), true));
  const table = new Schema([new Field("id", new Int64(), false), new Field("v", vector, true)]);
  const schema = storageSchema(table, ["id"]);
  const rows = new StorageRows(schema, ["id"]);
  for (let i = 0; i < ROWS; i++) rows.appendRow({ id: BigInt(i), v: [i, 1] });
  const written = await writeSsTable({
    lancedb: await loadLanceDb(),
    shardDirectory,
    generation: 1,
    schema,
    primaryKey: ["id"],
    batches: () => [rows.finish()],
    rows: ROWS,
    vectorIndexes: [{ column: "v", distanceType: "l2" }],
    inMemoryBytes: 1,
  });
  await publishSsTable(manifests, epoch, { table: written, replayAfter: 1 });
  await store.close();
}

await main(process.argv[2] ?? "");
