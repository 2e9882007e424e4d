/**
 * A shard that is open for writing: its name on this machine, its writer, and what reads need. All tables opened on one path in one thread
 * share it.
 *
 * @module
 */
import { RowReader } from "../arrow/rows/row-reader.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { TOMBSTONE } from "../lance/storage-schema.js";
import { LocalStore } from "../storage/local-store.js";
import { ShardWriter, type ShardWriterOptions } from "../writer/shard-writer.js";
import { KeyIndex } from "./key-index.js";
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
  "memtableBytes" | "memtableBatches" | "maxMemoryBytes" | "maxUnflushedBytes" | "maxPendingPuts"
>;

/** Those that are open in this thread, by the real path of the shard's directory. */
const open = new OpenWriters<OpenShard>();

export class OpenShard {
  readonly writer: ShardWriter;
  readonly index: KeyIndex;
  /** Reads rows as objects. */
  readonly reader: RowReader;
  /** Of a table whose keys we give. */
  readonly rowIds: RowIds | undefined;
  /** The last entry of the log whose rows are in SSTables, and so not in memory. */
  readonly replayAfter: number;
  readonly #ownership: Ownership;

  private constructor(writer: ShardWriter, ownership: Ownership, table: LanceTable, found: Found) {
    this.writer = writer;
    this.#ownership = ownership;
    this.replayAfter = found.replayAfter;
    this.index = new KeyIndex(writer.storageSchema, table.primaryKey, () => writer.memtables);
    this.reader = new RowReader(writer.storageSchema, { without: [TOMBSTONE] });
    this.rowIds = table.appendOnly ? new RowIds(writer.counters, writer.memtables, found.rowId) : undefined;
  }

  /**
   * A share in the shard of a table; opened when this thread has it not open yet, else with the settings it was opened with.
   *
   * @throws ConflictError when another process or thread owns it; see `ShardWriter.open` for the rest
   */
  static acquire(table: LanceTable, settings: WriterSettings, claim: ClaimOptions): Promise<Lease<OpenShard>> {
    return open.acquire(table.shardDirectory, {
      open: () => OpenShard.#open(table, settings, claim),
      close: (shard) => shard.#close(),
      isUsable: ({ writer }) => writer.failure === undefined,
    });
  }

  static async #open(table: LanceTable, settings: WriterSettings, claim: ClaimOptions): Promise<OpenShard> {
    const { shardDirectory } = table;
    const ownership = await claimOwnership(shardDirectory, claim);
    try {
      const { shardId, rowSchema: schema, primaryKey, limits } = table;
      const log = { directory: shardDirectory };
      const writer = await ShardWriter.open({ ...settings, ...limits, log, shardId, schema, primaryKey });
      ownership.announce(writer.epoch);
      try {
        return new OpenShard(writer, ownership, table, await findOut(table, writer));
      } catch (error) {
        await writer.close().catch(() => {}); // the first error says more
        throw error;
      }
    } catch (error) {
      await ownership.close();
      throw namedFailure(error, table.tableDirectory);
    }
  }

  async #close(): Promise<void> {
    try {
      await this.writer.close();
    } finally {
      await this.#ownership.close();
    }
  }
}

/** What the log does not say. */
interface Found {
  readonly replayAfter: number;
  /** The greatest `_row_id` outside the log, when there is any and it matters. */
  readonly rowId: bigint | undefined;
}

async function findOut(table: LanceTable, writer: ShardWriter): Promise<Found> {
  const store = new LocalStore(table.shardDirectory);
  try {
    const replayAfter = (await new ManifestStore(store, table.shardId).load())?.replayAfter ?? 0;
    const counted = writer.counters.has(COUNTER) && !writer.countersOutdated;
    const known = !table.appendOnly || counted;
    return { replayAfter, rowId: known ? undefined : await greatestStored(table, ROW_ID) };
  } finally {
    await store.close();
  }
}
