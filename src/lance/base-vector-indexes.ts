/**
 * Which columns of a base table have vector indexes: SSTables must have theirs, or LanceDB's vector search does not see their rows.
 *
 * @module
 */
import type { LanceDb } from "./lancedb-module.js";
import type { VectorIndex } from "./ss-table-vectors.js";
import { storageCall } from "./storage-call.js";

/** @throws StorageError when LanceDB cannot tell */
export async function baseVectorIndexes(lancedb: LanceDb, database: string, name: string): Promise<VectorIndex[]> {
  return storageCall(`cannot list the indexes of the table ${name} in ${database}`, async () => {
    const connection = await lancedb.connect(database);
    try {
      const table = await connection.openTable(name);
      try {
        const found: VectorIndex[] = [];
        for (const index of await table.listIndices()) {
          const [column] = index.columns;
          if (column === undefined || found.some((known) => known.column === column)) continue;
          const distanceType = distanceOf((await table.indexStats(index.name))?.distanceType);
          if (distanceType !== undefined) found.push({ column, distanceType });
        }
        return found;
      } finally {
        table.close();
      }
    } finally {
      connection.close();
    }
  });
}

/** Undefined for an index that is none of vectors, and for Hamming distances, which no exact index of floats has. */
function distanceOf(distance: string | undefined): VectorIndex["distanceType"] | undefined {
  return distance === "l2" || distance === "cosine" || distance === "dot" ? distance : undefined;
}
