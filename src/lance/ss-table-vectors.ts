/**
 * Vector indexes of SSTables.
 *
 * LanceDB's vector search over a table with a log looks into indexes alone: rows of an SSTable without one are not found. What LanceDB
 * builds by itself (HNSW over values squeezed into a byte each) ranks rows by wrong distances; one partition without any compression is
 * exact, and searched whole.
 *
 * Where no row has a vector that a search could find there is nothing to index: all are null (as in tombstones), or hold NaN or
 * infinity, or, for the cosine, have a length that is too small to divide by. What counts is Lance's own arithmetic, so Lance is asked.
 *
 * @module
 */
import type { Connection } from "@lancedb/lancedb";
import type { LanceDb } from "./lancedb-module.js";
import { storageCall } from "./storage-call.js";

/** A vector index of the base table. */
export interface VectorIndex {
  /** Name of the column. */
  readonly column: string;
  readonly distanceType: "l2" | "cosine" | "dot";
}

/** What Lance says when it has left out all vectors. */
const WITHOUT_VECTORS = /KMeans cannot train 1 centroids with 0 vectors/;

/**
 * Builds an exact index for each that the base table has; none where no row has a vector that can be found.
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
        const config = lancedb.Index.ivfFlat({ numPartitions: 1, distanceType });
        try {
          await table.createIndex(column, { config });
        } catch (error) {
          if (!isWithoutVectors(error)) throw error;
        }
      }
    } finally {
      table.close();
    }
  });
}

function isWithoutVectors(error: unknown): boolean {
  return error instanceof Error && WITHOUT_VECTORS.test(error.message);
}
