/**
 * A table whose log and maintenance run in this thread: it opens in a moment, and can be ended at each step of its maintenance.
 *
 * @module
 */
import { encodeSchemaMessage } from "../../src/arrow/schema.js";
import { Maintenance, type MaintenanceHooks } from "../../src/compact/maintenance.js";
import { maintenanceSettings } from "../../src/compact/maintenance-options.js";
import type { PoolHandle } from "../../src/memtable/pool-handle.js";
import { PoolReader } from "../../src/memtable/pool-reader.js";
import { countRows } from "../../src/scan/count-rows.js";
import { scanSnapshot } from "../../src/scan/scan-snapshot.js";
import type { Snapshot } from "../../src/scan/snapshot.js";
import { SnapshotSource } from "../../src/scan/snapshot-source.js";
import { LocalStore } from "../../src/storage/local-store.js";
import { openLanceTable } from "../../src/table/lance-catalog.js";
import { ShardWriter } from "../../src/writer/shard-writer.js";
import { AT_ONCE, type Step, textOf } from "./life-script.js";

export class InThreadTable {
  readonly table: Awaited<ReturnType<typeof openLanceTable>>;
  readonly #writer: ShardWriter;
  readonly #maintenance: Maintenance;
  readonly #source: SnapshotSource;
  readonly #pool: PoolReader;

  private constructor(
    table: Awaited<ReturnType<typeof openLanceTable>>,
    writer: ShardWriter,
    maintenance: Maintenance,
    pool: PoolReader,
  ) {
    this.table = table;
    this.#writer = writer;
    this.#maintenance = maintenance;
    this.#pool = pool;
    this.#source = new SnapshotSource({ ...table, memtables: () => pool.snapshot({ durableOnly: false }) });
  }

  /** @param path of a table that is there */
  static async open(path: string, hooks: MaintenanceHooks = {}, options = AT_ONCE): Promise<InThreadTable> {
    const table = await openLanceTable({ path });
    const { rowSchema: schema, shardDirectory, shardId, primaryKey, limits } = table;
    const made: Maintenance[] = [];
    const writer = await ShardWriter.open({
      ...limits,
      memtableBytes: 2 ** 20,
      log: { store: new LocalStore(shardDirectory) },
      shardId,
      schema,
      primaryKey,
      flusher: (epoch) => {
        const schemaMessage = encodeSchemaMessage(table.schema);
        const maintained = { ...table, schemaMessage, epoch, predecessorGone: true };
        const onError = (_: string, error: unknown): void => {
          throw error;
        };
        const events = { onStatus: () => {}, onDone: () => {}, onError };
        const maintenance = new Maintenance(maintained, maintenanceSettings(options), events, hooks);
        made.push(maintenance);
        return maintenance;
      },
    });
    const [maintenance] = made;
    if (maintenance === undefined) throw new Error("the writer has asked for no flusher");
    return new InThreadTable(table, writer, maintenance, PoolReader.attach(writer.pool));
  }

  async live(step: Step): Promise<void> {
    if ("put" in step) {
      await this.#writer.put(Object.entries(step.put).map(([id, text]) => ({ id: BigInt(id), text })));
    } else if ("deleted" in step) await this.#writer.delete(step.deleted.map(BigInt));
    else if (step.call === "flush") await this.#writer.flush();
    else {
      if (step.call === "compact") await this.#writer.flush();
      await this.#maintenance[step.call]();
    }
  }

  get pool(): PoolHandle {
    return this.#writer.pool;
  }

  /** All tiers as of now. Release it. */
  capture(): Promise<Snapshot> {
    return this.#source.capture();
  }

  /** All rows, as text. @throws Error when they are not as many as are counted */
  async text(): Promise<string> {
    const snapshot = await this.capture();
    try {
      return await this.textOf(snapshot);
    } finally {
      snapshot.release();
    }
  }

  /** The rows of a snapshot, as text. */
  async textOf(snapshot: Snapshot): Promise<string> {
    const rows: [number, string][] = [];
    for await (const batch of scanSnapshot(snapshot, {}, { copy: true })) {
      for (const { id, text } of batch) rows.push([Number(id), String(text)]);
    }
    const count = await countRows(snapshot);
    if (count !== rows.length) throw new Error(`count gives ${count}, scan ${rows.length} rows`);
    return textOf(rows);
  }

  async close(): Promise<void> {
    await this.#writer.close();
    await this.#maintenance.close();
    this.#pool.close();
    await this.#source.close();
  }
}
