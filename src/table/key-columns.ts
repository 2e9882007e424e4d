/**
 * Keys, as users give them, as the key columns of an Arrow batch.
 *
 * @module
 */
import { type Data, type Field, Schema } from "apache-arrow";
import { RowBuilder } from "../arrow/rows/row-builder.js";
import { UsageError } from "../errors.js";

export class KeyColumns {
  readonly #primaryKey: readonly string[];
  readonly #builder: RowBuilder;

  /** @param schema of the table */
  constructor(schema: Schema, primaryKey: readonly string[]) {
    this.#primaryKey = primaryKey;
    const fields = primaryKey.flatMap((name) => schema.fields.filter((field: Field) => field.name === name));
    this.#builder = new RowBuilder(new Schema(fields));
  }

  /**
   * @param keys each a value of the key's column; for several, an array of their values or an object
   * @returns a column for each of the key's, in order, one row for each key
   * @throws UsageError when one is not a key of this table
   */
  columns(keys: readonly unknown[]): readonly Data[] {
    for (const key of keys) this.#builder.append(this.#row(key));
    return this.#builder.finish().data.children;
  }

  #row(key: unknown): object {
    const names = this.#primaryKey;
    const [first = ""] = names;
    if (names.length === 1) return { [first]: key };
    if (Array.isArray(key) && key.length === names.length) {
      return Object.fromEntries(names.map((name, i) => [name, key[i]]));
    }
    if (typeof key === "object" && key !== null && !Array.isArray(key)) return key;
    const shown = names.map((name) => JSON.stringify(name)).join(", ");
    throw new UsageError(`a key is ${typeof key}; expected an array, or an object, of exactly ${shown}`);
  }
}
