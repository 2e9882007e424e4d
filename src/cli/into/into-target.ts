/**
 * The table that rows are put into.
 *
 * A table that is there keeps its schema and its key, and says what the sources must have. One that is not is made with the schema
 * of the first source.
 *
 * @module
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type RecordBatch, Schema } from "apache-arrow";
import type { CompactionResult } from "../../compact/compactor-options.js";
import { maintenanceSettings } from "../../compact/maintenance-options.js";
import { type LanceTable, openLanceTable } from "../../table/lance-catalog.js";
import type { Lease } from "../../table/open-writers.js";
import { SharedShard } from "../../table/shared-shard.js";
import { parseTablePath } from "../../table/table-path.js";
import { ROW_ID } from "../../table/table-schema.js";
import type { WriterStats } from "../../writer/writer-stats.js";

/** How the table is opened. */
export interface TargetOptions {
  /** `<database>/<table>`. */
  readonly into: string;
  /** Key columns; none for the table's own or, in a new table, `_row_id`. */
  readonly key: readonly string[];
  /** Bytes of memory for rows that no SSTable holds. */
  readonly memoryBytes: number;
  /** Whether to go on although another process has the table open for writing, which is fenced. */
  readonly takeover: boolean;
  readonly signal: AbortSignal;
}

/** The table that is there; undefined when there is none yet. @throws as `openTable` does */
export async function findTable({ into: path, key }: TargetOptions): Promise<LanceTable | undefined> {
  const names = await readdir(join(parseTablePath(path).directory, "_versions")).catch(() => []);
  if (!names.some((name) => name.endsWith(".manifest"))) return undefined;
  return openLanceTable({ path, primaryKey: key.length === 0 ? undefined : key });
}

/** What sources must have to go into the table: its columns without the one that it fills itself. */
export function sourceSchema({ schema, appendOnly }: LanceTable): Schema {
  return appendOnly ? new Schema(schema.fields.filter(({ name }) => name !== ROW_ID)) : schema;
}

export class IntoTarget {
  /** Names of the key columns; undefined when the table numbers its rows itself. */
  readonly key: readonly string[] | undefined;
  readonly directory: string;
  readonly #lease: Lease<SharedShard>;

  private constructor({ primaryKey, appendOnly, tableDirectory }: LanceTable, lease: Lease<SharedShard>) {
    this.key = appendOnly ? undefined : primaryKey;
    this.directory = tableDirectory;
    this.#lease = lease;
  }

  /**
   * Opens a table, and makes it when there is none.
   *
   * @param found what {@link findTable} has found
   * @param schema of the sources
   * @throws as `openTable` does
   */
  static async open(
    found: LanceTable | undefined,
    schema: Schema,
    { into: path, key, memoryBytes, takeover, signal }: TargetOptions,
  ): Promise<IntoTarget> {
    const primaryKey = key.length === 0 ? undefined : key;
    const table = found ?? (await openLanceTable({ path, primaryKey, schema }));
    signal.throwIfAborted();
    const memtableBytes = Math.min(256 * 2 ** 20, memoryBytes);
    const options = { writer: { memtableBytes, maxMemoryBytes: memoryBytes }, maintenance: maintenanceSettings() };
    return new IntoTarget(table, await SharedShard.acquire(table, options, { takeover, signal }));
  }

  /** Numbers that the newest entry of the log carries. */
  get counters(): ReadonlyMap<string, bigint> {
    return this.#lease.opened.current.writer.counters;
  }

  stats(): WriterStats {
    return this.#lease.opened.stats();
  }

  /** Puts a batch atomically; resolves when it survives a loss of power. */
  async put(batch: RecordBatch, counters: ReadonlyMap<string, bigint>): Promise<void> {
    await this.#lease.opened.putRows(batch, { counters });
  }

  /** Has all rows in the base table, and removes what is not needed any more. */
  async finish(): Promise<CompactionResult> {
    const { writer, maintained } = this.#lease.opened.current;
    await writer.flush();
    const result = await maintained.compact();
    await maintained.collect();
    return result;
  }

  /** Waits for all puts and gives the table back. */
  close(): Promise<void> {
    return this.#lease.release();
  }
}
