/**
 * The LSM write spec of a table: finds it, or sets the one we need.
 *
 * @module
 */
import { join } from "node:path";
import type { Table } from "@lancedb/lancedb";
import type { Schema } from "apache-arrow";
import { ConflictError, StorageError, UsageError } from "../errors.js";
import { kindOf, messageOf, namesIn, storageCall } from "../lance/storage-call.js";
import { writerConfig } from "./replay-limits.js";
import type { TablePath } from "./table-path.js";

/** Attempts to find or make the write spec while others do the same. */
const SPEC_ATTEMPTS = 5;

/**
 * The writer's configuration of the table, once it has an unsharded write spec.
 *
 * @param beforeSet called before a spec is set; what it throws ends the attempt
 */
export async function ensureWriteSpec(
  table: Table,
  path: TablePath,
  schema: Schema,
  beforeSet: () => Promise<void>,
): Promise<Record<string, string>> {
  let failure: unknown;
  for (let attempt = 0; attempt < SPEC_ATTEMPTS; attempt++) {
    await storageCall(`cannot read ${path.directory}`, () => table.checkoutLatest());
    const spec = await storageCall(`cannot read the write spec of ${path.directory}`, () => table.getLsmWriteSpec());
    if (spec !== undefined) return unsharded(spec, path);
    if (failure === undefined && attempt === 0) {
      const remains = await remainingShard(path);
      if (remains !== undefined) {
        failure = new ConflictError(
          `${remains} is of an earlier write spec of this table, and would come back to life with a new one; \`pennon detach\` removes it when its rows are in the table, else move it away`,
        );
        continue; // unless another process has just set the spec and written it
      }
    }
    if (failure instanceof ConflictError) throw failure;
    await beforeSet();
    const maintainsIndexes = (await table.listIndices()).length > 0;
    // Right before it is set: the handle may have moved on meanwhile to a version that has one, which would be replaced.
    const meanwhile = await storageCall(`cannot read the write spec of ${path.directory}`, () =>
      table.getLsmWriteSpec(),
    );
    if (meanwhile !== undefined) return unsharded(meanwhile, path);
    try {
      await table.setLsmWriteSpec({
        specType: "unsharded",
        // Left out, LanceDB maintains every index of the table: otherwise its queries by those indexes would be refused.
        ...(maintainsIndexes ? {} : { maintainedIndexes: [] }),
        writerConfigDefaults: writerConfig({ maintainsIndexes, schema }),
      });
    } catch (error) {
      failure = error;
    }
  }
  throw new StorageError(`cannot set the write spec of ${path.directory}: ${messageOf(failure)}`, { cause: failure });
}

type WriteSpec = NonNullable<Awaited<ReturnType<Table["getLsmWriteSpec"]>>>;

function unsharded(spec: WriteSpec, path: TablePath): Record<string, string> {
  if (spec.specType !== "unsharded") {
    throw new UsageError(
      `the table ${path.directory} is sharded by ${spec.specType} of ${JSON.stringify(spec.column ?? "")}; sharded tables are not supported, expected an unsharded write spec`,
    );
  }
  const config = spec.writerConfigDefaults ?? {};
  if (config["enable_memtable"] === "false") {
    throw new UsageError(
      `the table ${path.directory} is set up with enable_memtable=false, so nobody could read the rows of its log; expected it to be true or missing`,
    );
  }
  return config;
}

/** A directory of a shard that has a manifest. */
async function remainingShard({ directory }: TablePath): Promise<string | undefined> {
  const memWal = join(directory, "_mem_wal");
  if ((await kindOf(memWal)) !== "directory") return undefined;
  for (const shard of await namesIn(memWal)) {
    const manifests = join(memWal, shard, "manifest");
    if ((await kindOf(manifests)) === "directory" && (await namesIn(manifests)).length > 0) return join(memWal, shard);
  }
  return undefined;
}
