/**
 * The fields of an object, put into the columns they belong to: those of a row, those of a struct.
 *
 * A field belongs to the column of its name; only own, enumerable properties are fields, so nothing that an object inherits is taken for
 * one. undefined counts as missing. Objects tend to come with their properties in one order, which is remembered.
 *
 * @module
 */
import { UsageError } from "../../../errors.js";
import { nearestName } from "../nearest-name.js";
import { fieldNames, isObject } from "../value-kinds.js";
import type { ColumnBuilder } from "./column-builder.js";

interface NamedColumn {
  readonly name: string;
  readonly column: ColumnBuilder;
}

export class Fields {
  readonly #columns: readonly ColumnBuilder[];
  readonly #byName: ReadonlyMap<string, NamedColumn>;
  /** Columns of the properties, in the order in which the object before had them. */
  readonly #order: NamedColumn[] = [];

  /**
   * @param names one for each column
   * @throws UsageError when two are the same
   */
  constructor(names: readonly string[], columns: readonly ColumnBuilder[]) {
    this.#columns = columns;
    const byName = new Map<string, NamedColumn>();
    columns.forEach((column, i) => {
      const name = names[i] ?? "";
      if (byName.has(name)) {
        throw new UsageError(`two fields are named ${JSON.stringify(name)}; expected names that tell the fields apart`);
      }
      byName.set(name, { name, column });
    });
    this.#byName = byName;
  }

  /**
   * Appends one value to every column. After an error the columns are of different lengths: truncate them.
   *
   * @param row number of the row, the length of all columns
   * @param path where the object belongs, for error messages
   * @returns false, and nothing is appended, when `value` is not an object of fields
   * @throws UsageError for a field of another name, and as the columns do
   */
  append(value: unknown, row: number, path?: () => string): boolean {
    if (!isObject(value)) return false;
    const names = fieldNames(value);
    if (names === undefined) return false;
    const order = this.#order;
    for (let i = 0; i < names.length; i++) {
      const name = names[i] ?? "";
      let named = order[i];
      if (named === undefined || named.name !== name) {
        named = this.#byName.get(name) ?? this.#unknown(name, path);
        order[i] = named;
      }
      named.column.append(value[name]);
    }
    if (names.length < this.#columns.length) this.#appendMissing(row);
    return true;
  }

  #appendMissing(row: number): void {
    for (const column of this.#columns) if (column.length === row) column.append(undefined);
  }

  #unknown(key: string, path: (() => string) | undefined): never {
    const place = path === undefined ? "" : `${path()}.`;
    const nearest = nearestName(key, [...this.#byName.keys()]);
    throw new UsageError(
      `field ${JSON.stringify(place + key)} is not in the schema; ${
        nearest === undefined
          ? `expected ${namesIn(this.#byName.keys())}`
          : `did you mean ${JSON.stringify(place + nearest)}?`
      }`,
    );
  }
}

const MOST_NAMES_SHOWN = 8;

function namesIn(keys: Iterable<string>): string {
  const names = Array.from(keys, (name) => JSON.stringify(name));
  const shown = names.slice(0, MOST_NAMES_SHOWN).join(", ");
  return names.length > MOST_NAMES_SHOWN ? `${shown} or one of ${names.length - MOST_NAMES_SHOWN} more` : shown;
}
