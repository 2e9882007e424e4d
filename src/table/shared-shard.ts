/**
 * A shard that is open in this thread, and what outlives a change of its columns: its name on this machine, its followers, the puts that
 * wait meanwhile. All tables opened on one path in one thread share it.
 *
 * A change of columns, while puts and reads go on:
 *   1. Puts wait from now on, checked and encoded (waiting-puts.ts).
 *   2. All rows are flushed and merged into the base table, so that no entry and no SSTable with the old columns is needed any more.
 *   3. Writer and maintenance end. Reads go on over what they have, where nothing changes.
 *   4. The change is made, durably.
 *   5. The shard is opened anew, with the columns that it has now, and takes the place of the old one, which ends when its last read does.
 *   6. The puts that wait are put, in their order.
 * When 2 or 4 fails, 5 and 6 follow all the same. The name on this machine is held all the time. A crash at any place leaves a table with the
 * old columns or the new ones, and all rows that were acknowledged: from 2 to 5 nothing is written to the log.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { ConflictError, UsageError } from "../errors.js";
import { memWalIndexOf } from "../lance/mem-wal-index.js";
import { LocalStore } from "../storage/local-store.js";
import type { Position } from "../writer/position.js";
import type { PutOptions } from "../writer/put-options.js";
import type { RowsInput } from "../writer/put-rows.js";
import type { ShardWriter } from "../writer/shard-writer.js";
import type { WriterStats } from "../writer/writer-stats.js";
import type { FollowedShard } from "./follow-table.js";
import { type LanceTable, openLanceTable } from "./lance-catalog.js";
import { namedFailure } from "./named-failure.js";
import { OpenShard, type OpenShardOptions } from "./open-shard.js";
import { type Lease, OpenWriters } from "./open-writers.js";
import type { ClaimOptions, Ownership } from "./owner.js";
import { claimOwnership } from "./owner-socket.js";
import { withItemsOf } from "./table-schema.js";
import { WaitingPuts } from "./waiting-puts.js";

/** Those that are open in this thread, by the real path of the shard's directory. */
const open = new OpenWriters<SharedShard>();

/** What to put: rows, or keys to delete. */
type PutWhat = { readonly rows: RowsInput } | { readonly keys: readonly unknown[] };

export class SharedShard {
  readonly #ownership: Ownership;
  readonly #options: OpenShardOptions;
  readonly #predecessorGone: boolean;
  /** The entry that each follower needs next. */
  readonly #followers = new Map<object, number>();
  /** The shard's directory: its log, for followers. */
  readonly #store: LocalStore;
  /** Storage schemas before changes of columns, the newest first. */
  readonly #olderSchemas: Schema[] = [];
  #current: OpenShard;
  /** While columns are changed. */
  #waiting: WaitingPuts | undefined;
  /** Resolves when the change of columns is over. */
  #changed: Promise<void> = Promise.resolve();
  /** What the shard could not be opened anew for. */
  #failure: Error | undefined;
  /** Reads of what came before the last changes of columns. */
  #ending: Promise<unknown> = Promise.resolve();

  private constructor(
    current: OpenShard,
    ownership: Ownership,
    options: OpenShardOptions,
    { takeover = false }: ClaimOptions,
  ) {
    this.#current = current;
    this.#ownership = ownership;
    this.#options = options;
    this.#predecessorGone = !takeover;
    this.#store = new LocalStore(current.table.shardDirectory);
  }

  /**
   * A share in the shard of a table; opened when this thread has it not open yet, else with the settings it was opened with.
   *
   * @throws ConflictError when another process or thread owns it; see `ShardWriter.open` for the rest
   */
  static acquire(table: LanceTable, options: OpenShardOptions, claim: ClaimOptions): Promise<Lease<SharedShard>> {
    return open.acquire(table.shardDirectory, {
      open: () => SharedShard.openAlone(table, options, claim),
      close: (shard) => shard.close(),
      isUsable: (shard) => shard.failure === undefined,
    });
  }

  /**
   * Opens the shard for one alone. Close it.
   *
   * @throws ConflictError when it is open, in this thread too; see `ShardWriter.open` for the rest
   */
  static async openAlone(table: LanceTable, options: OpenShardOptions, claim: ClaimOptions): Promise<SharedShard> {
    const ownership = await claimOwnership(table.shardDirectory, claim);
    try {
      await assertHasSpec(table);
      const context = { predecessorGone: !claim.takeover };
      const shard = await OpenShard.open(table, options, context, (epoch) => ownership.announce(epoch));
      return new SharedShard(shard, ownership, options, claim);
    } catch (error) {
      await ownership.close();
      throw namedFailure(error, table.tableDirectory);
    }
  }

  /** As it is now: to be asked for at each use. */
  get current(): OpenShard {
    return this.#current;
  }

  /** Whether columns are being changed: nothing is written meanwhile. */
  get isChanging(): boolean {
    return this.#waiting !== undefined;
  }

  /** What it stopped for, undefined while it works. */
  get failure(): Error | undefined {
    return this.#failure ?? (this.isChanging ? undefined : this.#current.writer.failure);
  }

  /** False when one more put would be `Full`. */
  get hasRoom(): boolean {
    return this.#waiting?.hasRoom ?? this.#current.writer.hasRoom;
  }

  /** See `ShardWriter.put` and `delete`. */
  put(what: PutWhat, options: PutOptions): Promise<Position> {
    const { writer } = this.#current;
    if (this.#waiting !== undefined) {
      try {
        return this.#waiting.add(writer.stored(what), options);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return "rows" in what ? writer.put(what.rows, options) : writer.delete(what.keys, options);
  }

  /** Puts rows atomically: those of an append-only table get their numbers. See `ShardWriter.put`. */
  async putRows(rows: unknown, options: PutOptions): Promise<Position> {
    const { rowIds } = this.#current;
    if (rowIds === undefined) return this.put({ rows: rows as object }, options); // which checks it
    const numbered = rowIds.number(rows);
    const counters = new Map([...numbered.counters, ...(options.counters ?? [])]);
    return this.put({ rows: numbered.rows }, { ...options, counters });
  }

  /** Does something with the shard when no columns are being changed. */
  async use<T>(action: (shard: OpenShard) => Promise<T>): Promise<T> {
    await this.#changed;
    return action(this.#current);
  }

  stats(): WriterStats {
    return this.#current.stats();
  }

  /** The shard for a follower. @param closed aborts when it is to end */
  followed(closed: AbortSignal): FollowedShard {
    const { retain } = this;
    const writer = (): ShardWriter => this.#current.writer;
    const isChanging = (): boolean => this.isChanging;
    const failure = (): Error | undefined => this.failure;
    const older = this.#olderSchemas;
    return {
      store: this.#store,
      closed,
      retain,
      get storages() {
        return [writer().storageSchema, ...older];
      },
      get memtables() {
        return isChanging() ? [] : writer().memtables;
      },
      get nextEntry() {
        return writer().nextEntry;
      },
      get newestEntry() {
        return writer().newestEntry;
      },
      get failure() {
        return failure();
      },
    };
  }

  /** Keeps the entries of the log from one on for a follower, or no longer. */
  readonly retain = (follower: object, entry: number | undefined): void => {
    if (entry === undefined) this.#followers.delete(follower);
    else this.#followers.set(follower, entry);
    this.#retainEntries();
  };

  /**
   * Changes the columns of the table.
   *
   * @param change makes the change, durably, while nothing is written and everything is in the base table
   * @throws UsageError when threads have producers of this table, or it has no maintenance; what `change` throws, and then nothing has changed
   */
  changeColumns(change: (shard: OpenShard) => Promise<void>): Promise<void> {
    const changing = this.#changeColumns(change);
    this.#changed = changing.catch(() => {});
    return changing;
  }

  async #changeColumns(change: (shard: OpenShard) => Promise<void>): Promise<void> {
    const before = this.#current;
    const { writer, maintained } = before;
    if (this.#waiting !== undefined)
      throw new ConflictError("columns of this table are being added already; await that");
    if (writer.producers > 0) {
      throw new UsageError(
        `${writer.producers} producers of other threads put into this table, with its columns as they are; expected them to be closed before columns are added`,
      );
    }
    const waiting = new WaitingPuts();
    this.#waiting = waiting;
    try {
      await writer.flush();
      await maintained.compact();
    } catch (error) {
      this.#goOn(waiting, before);
      throw error;
    }
    let failure: unknown;
    try {
      await before.stop();
      await change(before).catch((error: unknown) => {
        failure = error;
      });
      await this.#openAnew(before);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#waiting = undefined;
      waiting.fail(this.#failure);
      throw error;
    }
    this.#goOn(waiting, before);
    if (failure !== undefined) throw failure;
  }

  /**
   * Waits for all puts and reads, and closes.
   *
   * @param atEnd what is done when nothing is written or read any more, and nobody else can open the shard yet
   * @throws what the writer had stopped for
   */
  async close(atEnd: () => Promise<void> = async () => {}): Promise<void> {
    try {
      if (this.#failure === undefined) await this.#current.stop();
      await atEnd();
    } finally {
      await Promise.all([this.#current.closeReads(), this.#ending, this.#store.close()]);
      await this.#ownership.close();
    }
  }

  async #openAnew(before: OpenShard): Promise<void> {
    const { database, name, rowSchema } = before.table;
    const found = await openLanceTable({ path: `${database}/${name}` });
    const table = { ...found, rowSchema: withItemsOf(found.schema, rowSchema) };
    const context = { predecessorGone: this.#predecessorGone, rowIds: before.rowIds };
    const shard = await OpenShard.open(table, this.#options, context, (epoch) => this.#ownership.announce(epoch));
    if (before.maintenance?.status.paused) await shard.maintenance?.pause();
    this.#current = shard;
    this.#olderSchemas.unshift(before.writer.storageSchema);
    this.#retainEntries();
    const ended = before.closeReads();
    this.#ending = Promise.all([this.#ending, ended]);
  }

  #goOn(waiting: WaitingPuts, before: OpenShard): void {
    this.#waiting = undefined;
    waiting.release(this.#current.writer, before.writer.storageSchema);
  }

  #retainEntries(): void {
    const entries = [...this.#followers.values()];
    this.#current.maintenance?.retainFrom(entries.length === 0 ? undefined : Math.min(...entries));
  }
}

/** The owner of a shard may have made a plain table of it while we waited for our turn. */
async function assertHasSpec({ tableDirectory }: LanceTable): Promise<void> {
  const store = new LocalStore(tableDirectory);
  try {
    if ((await memWalIndexOf(store)) !== undefined) return;
  } finally {
    await store.close();
  }
  throw new ConflictError(
    `the table ${tableDirectory} has no LSM write spec any more: another process has just removed it. Open the table again`,
  );
}
