/**
 * The type of a column: what it is in Arrow, and which values rows bring and get. The functions of `column-types.ts` make them.
 *
 * @module
 */
import { type DataType, Field } from "apache-arrow";
import { UsageError } from "../errors.js";

/** Carries types at compile time; no object has it. */
declare const VALUES: unique symbol;

/** What a type is at compile time. */
interface Values<Input, Output, FixedList> {
  readonly input: Input;
  readonly output: Output;
  readonly fixedList: FixedList;
}

/**
 * @typeParam Input what a row that is put may hold
 * @typeParam Output what a row that is read holds
 * @typeParam FixedList what a fixed-size list of such values is read as
 */
export class ColumnType<Input, Output, FixedList = Output[]> {
  declare readonly [VALUES]?: Values<Input, Output, FixedList>;
  readonly arrow: DataType;
  readonly isNullable: boolean;

  constructor(arrow: DataType, isNullable: boolean) {
    this.arrow = arrow;
    this.isNullable = isNullable;
  }

  /** The same type for values that may be null, or left out. */
  nullable(): ColumnType<Input | null | undefined, Output | null, FixedList | (Output | null)[]> {
    return new ColumnType(this.arrow, true);
  }

  /** A field of this type. */
  field(name: string): Field {
    return new Field(name, this.arrow, this.isNullable);
  }
}

/** Any column type. */
export type AnyColumnType = ColumnType<unknown, unknown, unknown>;

/** Column types by name: of a schema, of a struct, of a union. */
export type ColumnTypes = Readonly<Record<string, AnyColumnType>>;

/** What a row may hold for a column of this type. */
export type InputOf<C> = C extends ColumnType<infer Input, unknown, unknown> ? Input : never;

/** What a row that is read holds for a column of this type. */
export type OutputOf<C> = C extends ColumnType<unknown, infer Output, unknown> ? Output : never;

/** What a fixed-size list of this type is read as. */
export type FixedListOf<C> = C extends ColumnType<unknown, unknown, infer FixedList> ? FixedList : never;

type OptionalKey<C extends ColumnTypes> = { [K in keyof C]: undefined extends InputOf<C[K]> ? K : never }[keyof C];

/** An object that is put: nullable fields may be left out. */
export type ObjectInput<C extends ColumnTypes> = Flat<
  { readonly [K in Exclude<keyof C, OptionalKey<C>>]: InputOf<C[K]> } & {
    readonly [K in OptionalKey<C>]?: InputOf<C[K]>;
  }
>;

/** An object that is read: every field is there. */
export type ObjectOutput<C extends ColumnTypes> = { -readonly [K in keyof C]: OutputOf<C[K]> };

/** An intersection as one object type, as it is shown to a person. */
type Flat<T> = { [K in keyof T]: T[K] };

/** @throws UsageError when a value is not a column type */
export function fieldsOf(types: ColumnTypes): Field[] {
  return Object.entries(types).map(([name, type]) => {
    const given: unknown = type;
    if (given instanceof ColumnType) return given.field(name);
    throw new UsageError(
      `the type of ${JSON.stringify(name)} is ${typeof given === "function" ? "a function" : String(given)}; expected a column type such as int64() or utf8()`,
    );
  });
}
