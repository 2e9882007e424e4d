/**
 * Rows and deletions, in the order in which they came, made into record batches of a storage schema: the columns of a table, and last
 * a Bool column that is true where the row says that its key was deleted.
 *
 * A row is the object of all its fields, as `RowBuilder` takes it. A deletion is a key: its other columns are null.
 *
 * @module
 */
import { DataType, type RecordBatch, type Schema, Struct } from "apache-arrow";
import { UsageError } from "../../errors.js";
import { recordBatch } from "../record-batch.js";
import { BitsColumn } from "./build/bits.js";
import { RowColumns } from "./row-columns.js";
import { isArrayLike, isObject } from "./value-kinds.js";
import { valueName } from "./value-name.js";

/** How rows are taken. */
export interface StorageRowsOptions {
  /**
   * The table's own columns, those of the storage schema but the last: rows bring what is not nullable there, and no null items where
   * those are not, though the storage schema, for the sake of deletions and of Lance, lets them be null.
   * @default those of the storage schema
   */
  readonly table?: Schema;
}

export class StorageRows {
  readonly #schema: Schema;
  readonly #options: StorageRowsOptions;
  readonly #type: Struct;
  readonly #columns: RowColumns;
  readonly #deleted: BitsColumn;
  readonly #key: readonly string[];
  /** Which column each part of the key is. */
  readonly #keyColumns: readonly number[];

  /**
   * @param storage the storage schema
   * @param primaryKey names of the key's columns, at least one, in the order of the key
   * @throws UsageError when the last column is not a Bool, a name is not a column's, or as the constructor of `RowBuilder` does
   */
  constructor(storage: Schema, primaryKey: readonly string[], options: StorageRowsOptions = {}) {
    const { table } = options;
    const fields = storage.fields.slice(0, -1);
    const last = storage.fields.at(-1);
    if (last === undefined || !DataType.isBool(last.type)) {
      throw new UsageError(
        "the last column of a storage schema says whether a row is a deletion; expected a Bool column",
      );
    }
    const indexOf = (name: string): number => {
      const index = fields.findIndex((field) => field.name === name);
      if (index < 0) throw new UsageError(`the storage schema has no column ${JSON.stringify(name)}`);
      return index;
    };
    if (primaryKey.length === 0) throw new UsageError("the primary key has no column; expected at least one");
    const taken = table?.fields ?? fields;
    if (taken.length !== fields.length || taken.some(({ name }, i) => name !== fields[i]?.name)) {
      throw new UsageError(
        "the table's columns are not those of the storage schema; expected the same, in the same order",
      );
    }
    this.#schema = storage;
    this.#options = options;
    this.#type = new Struct(storage.fields);
    this.#key = primaryKey;
    this.#keyColumns = primaryKey.map(indexOf);
    this.#columns = new RowColumns(taken, (field) => field.nullable && !primaryKey.includes(field.name));
    this.#deleted = new BitsColumn({ type: last.type, nullable: false, path: () => last.name });
  }

  /** An empty one for the same rows. */
  another(): StorageRows {
    return new StorageRows(this.#schema, this.#key, this.#options);
  }

  /** Rows and deletions since the last batch. */
  get rows(): number {
    return this.#columns.rows;
  }

  /** Bytes of their values, offsets and bitmaps, without padding. */
  get bytes(): number {
    return this.#columns.bytes + this.#deleted.bytes;
  }

  /** Appends a row; throws as the `append` of `RowBuilder` does, and then nothing has been appended. */
  appendRow(row: object): void {
    this.#columns.append(row);
    this.#deleted.push(false);
  }

  /**
   * Appends the deletion of a key; after an error nothing has been appended.
   *
   * @param key the value of the key's column; for a key of several columns an array of their values in the order of the key, or an object
   * with exactly these fields
   * @throws UsageError when it is not, or a part of it is null or not of its column's type
   */
  appendKey(key: unknown): void {
    this.#columns.appendSparse(this.#keyColumns, this.#key.length === 1 ? [key] : this.#partsOf(key));
    this.#deleted.push(true);
  }

  /** The place between the last row and the next, for {@link rollback}. Valid until the batch is finished. */
  mark(): number {
    return this.#columns.rows;
  }

  /** Forgets everything appended since `mark`. */
  rollback(mark: number): void {
    this.#columns.truncate(mark);
    this.#deleted.truncate(mark);
  }

  /** All that was appended as one batch, in order, and starts anew. The batch has arrays of its own, as that of `RowBuilder` has. */
  finish(): RecordBatch {
    const { rows } = this;
    const columns = this.#columns.finish();
    return recordBatch(this.#schema, this.#type, rows, [...columns, this.#deleted.finish()]);
  }

  #partsOf(key: unknown): readonly unknown[] {
    const names = this.#key;
    if (isArrayLike(key) && key.length === names.length) return names.map((_, i) => key[i]);
    if (isObject(key) && Object.keys(key).length === names.length && names.every((name) => Object.hasOwn(key, name))) {
      return names.map((name) => key[name]);
    }
    const shown = names.map((name) => JSON.stringify(name)).join(", ");
    throw new UsageError(`a key is ${valueName(key)}; expected an array, or an object, of exactly ${shown}`);
  }
}
