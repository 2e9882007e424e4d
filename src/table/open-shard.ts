/**
 * A shard that is open for writing: its writer, its maintenance, and what reads need. See `shared-shard.ts` for who has a share in it.
 *
 * @module
 */
import { RowReader } from "../arrow/rows/row-reader.js";
import { encodeSchemaMessage } from "../arrow/schema.js";
import type { MaintainedTable } from "../compact/maintained-table.js";
import type { MaintenanceSettings } from "../compact/maintenance-options.js";
import { MaintenanceThread } from "../compact/maintenance-thread.js";
import { UsageError } from "../errors.js";
import { PoolReader } from "../memtable/pool-reader.js";
import { SnapshotSource } from "../scan/snapshot-source.js";
import { ShardWriter } from "../writer/shard-writer.js";
import type { ShardWriterOptions } from "../writer/writer-settings.js";
import type { WriterStats } from "../writer/writer-stats.js";
import { KeyColumns } from "./key-columns.js";
import { greatestStored, type LanceTable } from "./lance-catalog.js";
import { COUNTER, RowIds } from "./row-ids.js";
import { ROW_ID } from "./table-schema.js";

/** What a user may choose of the writer. */
export type WriterSettings = Pick<
  ShardWriterOptions,
  | "memtableBytes"
  | "memtableBatches"
  | "memtableRows"
  | "memtableEntries"
  | "memtableAgeMs"
  | "maxMemoryBytes"
  | "maxUnflushedBytes"
  | "maxPendingPuts"
>;

/** How a shard is opened. */
export interface OpenShardOptions {
  readonly writer: WriterSettings;
  /** Undefined: frozen memtables stay in memory, and nothing is merged or collected. */
  readonly maintenance: MaintenanceSettings | undefined;
}

/** What is known of a shard when it is opened. */
interface OpenShardContext {
  /** True when it is certain that no process is left that has ever held the shard before. */
  readonly predecessorGone: boolean;
  /** Of an append-only table that was open in this thread until now: its numbers go on. */
  readonly rowIds?: RowIds | undefined;
}

/** After so long a table that was opened looks what earlier runs have left: most that are opened for a moment are closed by then. */
const FIRST_LOOK_MS = 1_000;

export class OpenShard {
  readonly table: LanceTable;
  readonly writer: ShardWriter;
  readonly maintenance: MaintenanceThread | undefined;
  /** Takes snapshots of all tiers; see {@link hold}. */
  readonly snapshots: SnapshotSource;
  /** Reads rows as objects. */
  readonly reader: RowReader;
  readonly keys: KeyColumns;
  /** Of a table whose keys we give. */
  readonly rowIds: RowIds | undefined;
  readonly #pool: PoolReader;
  /** What the writer told last, once it is closed. */
  #lastStats: WriterStats | undefined;
  readonly #firstLook: NodeJS.Timeout;
  #holds = 0;
  #isFree: (() => void) | undefined;

  private constructor(
    table: LanceTable,
    writer: ShardWriter,
    maintenance: MaintenanceThread | undefined,
    rowIds: RowIds | undefined,
  ) {
    this.table = table;
    this.writer = writer;
    this.maintenance = maintenance;
    this.rowIds = rowIds;
    this.reader = new RowReader(table.schema);
    this.keys = new KeyColumns(table.schema, table.primaryKey);
    // What earlier runs have left is merged and collected, though nothing more should be put.
    this.#firstLook = setTimeout(() => {
      if (writer.replayAfter > 0) void maintenance?.refresh().catch(() => {}); // told of as an event
    }, FIRST_LOOK_MS).unref();
    const pool = PoolReader.attach(writer.pool);
    this.#pool = pool;
    const { schema, primaryKey, tableDirectory, shardDirectory, shardId } = table;
    this.snapshots = new SnapshotSource({
      schema,
      primaryKey,
      tableDirectory,
      shardDirectory,
      shardId,
      // Its own rows a writer sees before they are durable (invariant 9).
      memtables: () => pool.snapshot({ durableOnly: false }),
    });
  }

  /**
   * Opens the shard, which the caller owns. See `ShardWriter.open` for errors.
   *
   * @param onEpoch told the epoch as soon as the shard is claimed
   */
  static async open(
    table: LanceTable,
    options: OpenShardOptions,
    context: OpenShardContext,
    onEpoch: (epoch: number) => void,
  ): Promise<OpenShard> {
    const { shardDirectory, shardId, rowSchema: schema, primaryKey, limits, appendOnly } = table;
    const settings = options.maintenance;
    let maintenance: MaintenanceThread | undefined;
    try {
      const writer = await ShardWriter.open({
        ...options.writer,
        ...limits,
        log: { directory: shardDirectory },
        shardId,
        schema,
        primaryKey,
        keysAscend: appendOnly,
        flusher:
          settings === undefined
            ? undefined
            : (epoch) => {
                maintenance = new MaintenanceThread(
                  maintained(table, epoch, context.predecessorGone || epoch <= 1),
                  settings,
                );
                return maintenance;
              },
      });
      onEpoch(writer.epoch);
      try {
        const rowIds = appendOnly ? (context.rowIds ?? (await rowIdsOf(table, writer))) : undefined;
        return new OpenShard(table, writer, maintenance, rowIds);
      } catch (error) {
        await writer.close().catch(() => {}); // the first error says more
        throw error;
      }
    } catch (error) {
      await maintenance?.close().catch(() => {});
      throw error;
    }
  }

  /** @throws UsageError when the table was opened without maintenance */
  get maintained(): MaintenanceThread {
    if (this.maintenance !== undefined) return this.maintenance;
    throw new UsageError("the table was opened with maintenance: false; expected it to be opened with maintenance");
  }

  /** What the writer tells of itself, or told last. */
  stats(): WriterStats {
    return this.#lastStats ?? this.writer.stats();
  }

  /** Keeps what reads need, whatever happens to the shard, until the function that it returns is called, once. */
  hold(): () => void {
    this.#holds++;
    return () => {
      if (--this.#holds === 0) this.#isFree?.();
    };
  }

  /** Ends writing and maintenance: nothing changes any more. Reads go on. @throws what the writer had stopped for */
  async stop(): Promise<void> {
    this.#lastStats ??= this.writer.stats();
    clearTimeout(this.#firstLook);
    try {
      await this.writer.close();
    } finally {
      await this.maintenance?.close();
    }
  }

  /** Ends reads, once nothing is held any more. */
  async closeReads(): Promise<void> {
    if (this.#holds > 0) {
      await new Promise<void>((resolve) => {
        this.#isFree = resolve;
      });
    }
    this.#pool.close();
    await this.snapshots.close();
  }
}

async function rowIdsOf(table: LanceTable, { counters, countersOutdated, memtables }: ShardWriter): Promise<RowIds> {
  const known = counters.has(COUNTER) && !countersOutdated;
  return new RowIds(counters, memtables, known ? undefined : await greatestStored(table, ROW_ID));
}

function maintained(table: LanceTable, epoch: number, predecessorGone: boolean): MaintainedTable {
  const { database, name, tableDirectory, shardDirectory, shardId, primaryKey, schema } = table;
  const schemaMessage = encodeSchemaMessage(schema);
  return { database, name, tableDirectory, shardDirectory, shardId, primaryKey, schemaMessage, epoch, predecessorGone };
}
