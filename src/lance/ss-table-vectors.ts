/**
 * Vector indexes of SSTables.
 *
 * LanceDB's vector search over a table with a log looks into indexes alone: rows of an SSTable without one are not found. What LanceDB
 * builds by itself (HNSW over values squeezed into a byte each) ranks rows by wrong distances; one partition without any compression is
 * exact, and searched whole.
 *
 * @module
 */
import type { Connection } from "@lancedb/lancedb";
import { quotedName } from "./key-predicate.js";
import type { LanceDb } from "./lancedb-module.js";
import { storageCall } from "./storage-call.js";

/** A vector index of the base table. */
export interface VectorIndex {
  /** Name of the column. */
  readonly column: string;
  readonly distanceType: "l2" | "cosine" | "dot";
}

/**
 * Builds an exact index for each that the base table has; none where no row has a vector.
 *
 * @throws StorageError when LanceDB fails
 */
export async function indexVectors(
  lancedb: LanceDb,
  connection: Connection,
  name: string,
  indexes: readonly VectorIndex[],
): Promise<void> {
  if (indexes.length === 0) return;
  await storageCall(`cannot index the vectors of the SSTable ${name}`, async () => {
    const table = await connection.openTable(name);
    try {
      for (const { column, distanceType } of indexes) {
        const vectors = await table.countRows(`${quotedName(column)} IS NOT NULL`);
        if (vectors === 0) continue;
        await table.createIndex(column, { config: lancedb.Index.ivfFlat({ numPartitions: 1, distanceType }) });
      }
    } finally {
      table.close();
    }
  });
}
