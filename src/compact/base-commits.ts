/**
 * Commits to a base table by LanceDB, of which others may change it at the same time: from other processes, and from an earlier
 * owner of the shard that stood still and goes on.
 *
 * Each commit:
 *   1. takes the table's newest version, R. So no row is missed that was there before, and LanceDB compares with what is there.
 *   2. looks whether the claim on the shard still holds. Who claims it later finds every version up to R, and writes its own behind it.
 *   3. is carried out by LanceDB on R. What others have committed since, it takes into account: commits of other rows are passed over;
 *      where the same rows were changed it begins anew on the newest version, all by itself, for 30 s at most. Inserting a key that somebody
 *      else has just inserted counts as changing the same row, because the table has a primary key.
 *   4. On a conflict that LanceDB did not overcome, begins anew here, after a delay, a few times. Upserts and deletes of keys come to the
 *      same however often they are carried out.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Table } from "@lancedb/lancedb";
import { ConflictError, PennonError, StorageError } from "../errors.js";
import { mergeRows } from "../lance/base-merge.js";
import type { EpochWatch } from "../lance/epoch-watch.js";
import { messageOf, storageCall } from "../lance/storage-call.js";
import type { OnStep } from "./on-step.js";

/** How commits are made. */
export interface BaseCommitsOptions {
  readonly table: Table;
  /** What errors call the table. */
  readonly tableDirectory: string;
  readonly primaryKey: readonly string[];
  /** Of the claim that has to hold. */
  readonly watch: EpochWatch;
  /** A merge that has taken so long is given up. */
  readonly mergeTimeoutMs: number;
  readonly onStep: OnStep;
}

const MAX_TRIES = 8;
const FIRST_DELAY_MS = 50;
const MAX_DELAY_MS = 5_000;

/** LanceDB has no codes: only its messages tell. */
const PASSING = /retryable|too many concurrent writers|timed out|commit conflict|contention|already exists|not found/i;
const INCOMPATIBLE = /incompatible transaction/i;

export class BaseCommits {
  readonly #options: BaseCommitsOptions;
  #commits = 0;
  #retries = 0;

  constructor(options: BaseCommitsOptions) {
    this.#options = options;
  }

  /** Commits made so far, and how often one was begun anew. */
  get counts(): { readonly commits: number; readonly retries: number } {
    return { commits: this.#commits, retries: this.#retries };
  }

  /** Upserts the rows of an Arrow IPC file, whose keys differ. Errors as {@link commit}. */
  async upsert(file: Uint8Array): Promise<void> {
    const { table, primaryKey, mergeTimeoutMs } = this.#options;
    await this.commit("upsert", (sinceMs) => {
      const leftMs = Math.floor(sinceMs + mergeTimeoutMs - performance.now());
      // A process that stood still before it came as far as this has no time left.
      if (leftMs < 1) throw new Error("timed out before it began");
      return mergeRows(table, primaryKey, file, leftMs);
    });
  }

  /** Deletes the rows that a filter of LanceDB's SQL selects. @returns how many there were. Errors as {@link commit} */
  async delete(predicate: string): Promise<number> {
    const { numDeletedRows } = await this.commit("delete", () => this.#options.table.delete(predicate));
    return numDeletedRows;
  }

  /**
   * A version that changes nothing. Errors as {@link commit}.
   *
   * @param step its name
   */
  async touch(step: string): Promise<void> {
    await this.commit(step, () => this.#options.table.delete("false"));
  }

  /**
   * Carries out what LanceDB does in one commit, or in several.
   *
   * @param action told when the look at the claim began, by the clock of `performance.now()`
   * @throws ConflictError when the shard was claimed by another writer, when others have changed the table in a way that this cannot be
   * carried out on top of, or have changed it first 8 times; StorageError when LanceDB fails. Then it may have been carried out, or not
   */
  async commit<T>(step: string, action: (sinceMs: number) => Promise<T>): Promise<T> {
    const { table, tableDirectory, watch, onStep } = this.#options;
    const failure = (error: unknown, what: string, Kind: typeof ConflictError | typeof StorageError) =>
      new Kind(`cannot commit to ${tableDirectory} (${step}): ${what} (${messageOf(error)})`, { cause: error });
    for (let i = 1; ; i++) {
      const sinceMs = performance.now();
      await storageCall(`cannot open the newest version of ${tableDirectory}`, () => table.checkoutLatest());
      await watch.check();
      await onStep(`${step}:before`);
      const done = await attempt(() => action(sinceMs));
      if ("result" in done) {
        this.#commits++;
        await onStep(`${step}:after`);
        return done.result;
      }
      const { error } = done;
      const message = messageOf(error);
      if (error instanceof PennonError) throw error;
      if (INCOMPATIBLE.test(message)) {
        throw failure(error, "another process has changed the table as a whole at the same time", ConflictError);
      }
      if (!PASSING.test(message)) throw failure(error, "LanceDB failed", StorageError);
      if (i === MAX_TRIES) {
        throw failure(error, `others changed it first, ${MAX_TRIES} times in a row; try again`, ConflictError);
      }
      this.#retries++;
      await sleep(Math.random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** i));
    }
  }
}

async function attempt<T>(action: () => T | Promise<T>): Promise<{ readonly result: T } | { readonly error: unknown }> {
  try {
    return { result: await action() };
  } catch (error) {
    return { error };
  }
}
