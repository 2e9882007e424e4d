/**
 * A shard that is open for writing: its name on this machine, its writer, its maintenance, and what reads need. All tables opened on one
 * path in one thread share it.
 *
 * @module
 */
import { RowReader } from "../arrow/rows/row-reader.js";
import { encodeSchemaMessage } from "../arrow/schema.js";
import type { MaintainedTable } from "../compact/maintained-table.js";
import type { MaintenanceSettings } from "../compact/maintenance-options.js";
import { MaintenanceThread } from "../compact/maintenance-thread.js";
import { PoolReader } from "../memtable/pool-reader.js";
import { SnapshotSource } from "../scan/snapshot-source.js";
import { LocalStore } from "../storage/local-store.js";
import { ShardWriter, type ShardWriterOptions } from "../writer/shard-writer.js";
import { KeyColumns } from "./key-columns.js";
import { greatestStored, type LanceTable } from "./lance-catalog.js";
import { namedFailure } from "./named-failure.js";
import { type Lease, OpenWriters } from "./open-writers.js";
import type { ClaimOptions, Ownership } from "./owner.js";
import { claimOwnership } from "./owner-socket.js";
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

/** Those that are open in this thread, by the real path of the shard's directory. */
const open = new OpenWriters<OpenShard>();

export class OpenShard {
  readonly writer: ShardWriter;
  readonly maintenance: MaintenanceThread | undefined;
  /** Takes snapshots of all tiers. */
  readonly snapshots: SnapshotSource;
  /** The shard's directory: its log, for followers. */
  readonly store: LocalStore;
  /** Reads rows as objects. */
  readonly reader: RowReader;
  readonly keys: KeyColumns;
  /** Of a table whose keys we give. */
  readonly rowIds: RowIds | undefined;
  /** Reads the memtables. */
  readonly pool: PoolReader;
  readonly #ownership: Ownership;
  /** The entry that each follower needs next. */
  readonly #followers = new Map<object, number>();

  private constructor(
    writer: ShardWriter,
    maintenance: MaintenanceThread | undefined,
    ownership: Ownership,
    table: LanceTable,
    rowId: bigint | undefined,
  ) {
    this.writer = writer;
    this.maintenance = maintenance;
    this.#ownership = ownership;
    this.store = new LocalStore(table.shardDirectory);
    this.reader = new RowReader(table.schema);
    this.keys = new KeyColumns(table.schema, table.primaryKey);
    this.rowIds = table.appendOnly ? new RowIds(writer.counters, writer.memtables, rowId) : undefined;
    const pool = PoolReader.attach(writer.pool);
    this.pool = pool;
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
   * A share in the shard of a table; opened when this thread has it not open yet, else with the settings it was opened with.
   *
   * @throws ConflictError when another process or thread owns it; see `ShardWriter.open` for the rest
   */
  static acquire(table: LanceTable, options: OpenShardOptions, claim: ClaimOptions): Promise<Lease<OpenShard>> {
    return open.acquire(table.shardDirectory, {
      open: () => OpenShard.#open(table, options, claim),
      close: (shard) => shard.#close(),
      isUsable: ({ writer }) => writer.failure === undefined,
    });
  }

  /** Keeps the entries of the log from one on for a follower, or no longer. */
  readonly retain = (follower: object, entry: number | undefined): void => {
    if (entry === undefined) this.#followers.delete(follower);
    else this.#followers.set(follower, entry);
    this.maintenance?.retainFrom(this.#followers.size === 0 ? undefined : Math.min(...this.#followers.values()));
  };

  static async #open(table: LanceTable, options: OpenShardOptions, claim: ClaimOptions): Promise<OpenShard> {
    const { shardDirectory } = table;
    const ownership = await claimOwnership(shardDirectory, claim);
    let maintenance: MaintenanceThread | undefined;
    try {
      const { shardId, rowSchema: schema, primaryKey, limits } = table;
      const settings = options.maintenance;
      const predecessorGone = !claim.takeover;
      const writer = await ShardWriter.open({
        ...options.writer,
        ...limits,
        log: { directory: shardDirectory },
        shardId,
        schema,
        primaryKey,
        flusher:
          settings === undefined
            ? undefined
            : (epoch) => {
                maintenance = new MaintenanceThread(maintained(table, epoch, predecessorGone), settings);
                return maintenance;
              },
      });
      ownership.announce(writer.epoch);
      try {
        const known = !table.appendOnly || (writer.counters.has(COUNTER) && !writer.countersOutdated);
        const rowId = known ? undefined : await greatestStored(table, ROW_ID);
        return new OpenShard(writer, maintenance, ownership, table, rowId);
      } catch (error) {
        await writer.close().catch(() => {}); // the first error says more
        throw error;
      }
    } catch (error) {
      await maintenance?.close().catch(() => {});
      await ownership.close();
      throw namedFailure(error, table.tableDirectory);
    }
  }

  async #close(): Promise<void> {
    try {
      await this.writer.close();
    } finally {
      try {
        await this.maintenance?.close();
      } finally {
        this.pool.close();
        await this.snapshots.close();
        await this.store.close();
        await this.#ownership.close();
      }
    }
  }
}

function maintained(table: LanceTable, epoch: number, predecessorGone: boolean): MaintainedTable {
  const { database, name, tableDirectory, shardDirectory, shardId, primaryKey, schema } = table;
  const schemaMessage = encodeSchemaMessage(schema);
  return { database, name, tableDirectory, shardDirectory, shardId, primaryKey, schemaMessage, epoch, predecessorGone };
}
