/**
 * Makes a table of others one of ours: gives it a primary key, and makes sure that its rows can have that key.
 *
 * Order of events:
 *   1. The key column of the newest version is checked: no nulls, no duplicates (key-check.ts).
 *   2. The column is made not nullable, then the key.
 *   3. When others have written meanwhile, it is checked again. Then the write spec is set (write-spec.ts).
 *
 * The spec says that the rows were checked: a table without one is checked again, whether it has its key or not. So it does not matter where
 * a crash comes between. LanceDB itself checks no keys: who adds rows with its `add` can bring a key in twice at any time, after 3 as well.
 *
 * @module
 */
import type { Table } from "@lancedb/lancedb";
import type { Schema } from "apache-arrow";
import { GoneError, StorageError, UsageError } from "../errors.js";
import { messageOf, storageCall } from "../lance/storage-call.js";
import { assertPrimaryKey } from "../lance/storage-schema.js";
import { assertKeys, type CheckedKey } from "./key-check.js";
import type { TablePath } from "./table-path.js";
import { type KeyedSchema, readLanceSchema } from "./table-schema.js";

/** How the check is told of, and ended. */
export type AdoptionOptions = Pick<CheckedKey, "signal" | "onRows">;

/** Others may write while the rows are checked; so often it is begun anew. */
const MAX_CHECKS = 5;

export class Adoption {
  readonly #table: Table;
  readonly #path: TablePath;
  readonly #options: AdoptionOptions;
  /** The version that was checked, or one that has the same rows. */
  #checked = 0;

  constructor(table: Table, path: TablePath, options: AdoptionOptions) {
    this.#table = table;
    this.#path = path;
    this.#options = options;
  }

  /**
   * Gives a table that has none its primary key.
   *
   * @throws UsageError when the key has several columns, its type cannot be in a key, or rows cannot have it
   * @throws StorageError when LanceDB fails
   */
  async setKey(schema: Schema, primaryKey: readonly string[]): Promise<void> {
    const [column = "", ...others] = primaryKey;
    assertPrimaryKey(schema, primaryKey);
    if (others.length > 0) {
      const names = primaryKey.map((name) => JSON.stringify(name)).join(", ");
      throw new UsageError(
        `the table ${this.#path.directory} has no primary key, and LanceDB can give an existing table only one of one column, not ${names}; ` +
          "give it one column, or create a new table with this key and put the rows into it",
      );
    }
    await this.assertRows({ schema, primaryKey });
    const nullable = schema.fields.some((field) => field.name === column && field.nullable);
    if (nullable) {
      await this.#step(`make the column ${JSON.stringify(column)} of ${this.#path.directory} not nullable`, {
        change: () => this.#table.alterColumns([{ path: column, nullable: false }]),
        isDone: (now) => now.fields.some((field) => field.name === column && !field.nullable),
      });
    }
    await this.#step(`set the primary key of ${this.#path.directory}`, {
      change: () => this.#table.setUnenforcedPrimaryKey(column),
      isDone: (now) => readLanceSchema(now).primaryKey.length > 0,
    });
  }

  /**
   * Makes sure that the rows of the newest version have keys, each another one, unless it is known already.
   *
   * @throws UsageError with numbers and examples when they do not; StorageError when LanceDB fails; the signal's reason
   */
  async assertRows({ schema, primaryKey }: KeyedSchema): Promise<void> {
    const { signal, onRows } = this.#options;
    for (let i = 1; ; i++) {
      const version = await this.#newestVersion();
      if (version === this.#checked) return;
      try {
        const tableDirectory = this.#path.directory;
        await assertKeys({ tableDirectory, version, schema, primaryKey, signal, onRows });
      } catch (error) {
        if (!(error instanceof GoneError) || i === MAX_CHECKS) throw error;
        continue; // an old version that was cleaned up meanwhile
      }
      this.#checked = version;
      if (i === MAX_CHECKS) return;
    }
  }

  /** A commit of LanceDB that leaves the rows as they are. Others may do the same at the same time. */
  async #step(
    what: string,
    { change, isDone }: { readonly change: () => Promise<unknown>; readonly isDone: (schema: Schema) => boolean },
  ): Promise<void> {
    try {
      await change();
    } catch (error) {
      await storageCall(`cannot ${what}`, () => this.#table.checkoutLatest());
      if (!isDone(await this.#table.schema())) {
        throw new StorageError(`cannot ${what}: ${messageOf(error)}`, { cause: error });
      }
    }
    if ((await this.#newestVersion()) === this.#checked + 1) this.#checked++;
  }

  #newestVersion(): Promise<number> {
    return storageCall(`cannot read ${this.#path.directory}`, async () => {
      await this.#table.checkoutLatest();
      return this.#table.version();
    });
  }
}
