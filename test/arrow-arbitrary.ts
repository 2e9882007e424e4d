/**
 * fast-check arbitraries for Arrow: types (all that apache-arrow 18.1 can hold, nested), data, schemas and record batches.
 *
 * A value depends on fast-check's seed alone. Types, lengths and slices shrink; the contents of data come from a random stream
 * whose seed does not, so a failure shrinks to few rows of a simple type in which the failing bytes are still there.
 *
 * Rows of a batch as plain values, to compare batches with: `rowsOf` of plain-model.ts.
 *
 * @module
 */
import {
  Binary,
  Bool,
  type Data,
  type DataType,
  Date_,
  DateUnit,
  Decimal,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float,
  Int8,
  Int16,
  Int32,
  Int64,
  Interval,
  IntervalUnit,
  LargeBinary,
  LargeUtf8,
  List,
  Map_,
  makeData,
  Null,
  Precision,
  RecordBatch,
  Schema,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimeNanosecond,
  TimeSecond,
  Timestamp,
  TimeUnit,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Union,
  UnionMode,
  Utf8,
} from "apache-arrow";

import fc from "fast-check";
import { type BuildOptions, DataBuilder, Random } from "./arrow-random-data.js";

/** A type in plain words, so that a counterexample can be read; `buildType` makes it real. */
export type TypeSpec =
  | { readonly kind: keyof typeof LEAVES }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number; readonly bitWidth: 128 | 256 }
  | { readonly kind: "timestamp"; readonly unit: number; readonly timezone: string | null }
  | { readonly kind: "fixedSizeBinary"; readonly byteWidth: number }
  | { readonly kind: "list"; readonly item: FieldSpec }
  | { readonly kind: "fixedSizeList"; readonly listSize: number; readonly item: FieldSpec }
  | { readonly kind: "struct"; readonly children: readonly FieldSpec[] }
  | { readonly kind: "map"; readonly key: TypeSpec; readonly value: FieldSpec; readonly keysSorted: boolean }
  | {
      readonly kind: "union";
      readonly dense: boolean;
      readonly firstId: number;
      readonly children: readonly FieldSpec[];
    }
  | {
      readonly kind: "dictionary";
      readonly indices: keyof typeof INDICES;
      readonly values: TypeSpec;
      readonly ordered: boolean;
    };

/** A field in plain words; names come from its place. */
export interface FieldSpec {
  readonly type: TypeSpec;
  readonly nullable: boolean;
}

/** Which types to make. */
export interface TypeOptions {
  /** How deep types nest; 0 makes no nested types. @default 3 */
  readonly maxDepth?: number;
  /** Kinds to leave out, at every depth. */
  readonly without?: readonly TypeSpec["kind"][];
}

const LEAVES = {
  int32: () => new Int32(),
  null: () => new Null(),
  bool: () => new Bool(),
  int8: () => new Int8(),
  int16: () => new Int16(),
  int64: () => new Int64(),
  uint8: () => new Uint8(),
  uint16: () => new Uint16(),
  uint32: () => new Uint32(),
  uint64: () => new Uint64(),
  float16: () => new Float(Precision.HALF),
  float32: () => new Float(Precision.SINGLE),
  float64: () => new Float(Precision.DOUBLE),
  dateDay: () => new Date_(DateUnit.DAY),
  dateMillisecond: () => new Date_(DateUnit.MILLISECOND),
  timeSecond: () => new TimeSecond(),
  timeMillisecond: () => new TimeMillisecond(),
  timeMicrosecond: () => new TimeMicrosecond(),
  timeNanosecond: () => new TimeNanosecond(),
  durationSecond: () => new Duration(TimeUnit.SECOND),
  durationMillisecond: () => new Duration(TimeUnit.MILLISECOND),
  durationMicrosecond: () => new Duration(TimeUnit.MICROSECOND),
  durationNanosecond: () => new Duration(TimeUnit.NANOSECOND),
  intervalYearMonth: () => new Interval(IntervalUnit.YEAR_MONTH),
  intervalDayTime: () => new Interval(IntervalUnit.DAY_TIME),
  utf8: () => new Utf8(),
  largeUtf8: () => new LargeUtf8(),
  binary: () => new Binary(),
  largeBinary: () => new LargeBinary(),
} as const satisfies Record<string, () => DataType>;

const INDICES = {
  int8: Int8,
  int16: Int16,
  int32: Int32,
  int64: Int64,
  uint8: Uint8,
  uint16: Uint16,
  uint32: Uint32,
  uint64: Uint64,
} as const;

/** An arbitrary type, in plain words. */
export function arbitraryTypeSpec({ maxDepth = 3, without = [] }: TypeOptions = {}): fc.Arbitrary<TypeSpec> {
  const only = (arbitraries: Partial<Record<TypeSpec["kind"], fc.Arbitrary<TypeSpec>>>): fc.Arbitrary<TypeSpec>[] =>
    Object.entries(arbitraries).flatMap(([kind, arbitrary]) =>
      without.some((other) => other === kind) ? [] : [arbitrary],
    );
  const leafKinds = Object.keys(LEAVES)
    .filter(isLeaf)
    .filter((kind) => !without.includes(kind));
  const leaf = fc.oneof(
    { weight: leafKinds.length, arbitrary: fc.constantFrom(...leafKinds).map((kind): TypeSpec => ({ kind })) },
    ...only({
      decimal: fc.constantFrom<128 | 256>(128, 256).chain((bitWidth) =>
        fc.record({
          kind: fc.constant("decimal" as const),
          precision: fc.integer({ min: 1, max: bitWidth === 128 ? 38 : 76 }),
          scale: fc.integer({ min: -3, max: 9 }),
          bitWidth: fc.constant(bitWidth),
        }),
      ),
      timestamp: fc.record({
        kind: fc.constant("timestamp" as const),
        unit: fc.integer({ min: 0, max: 3 }),
        timezone: fc.constantFrom(null, "UTC", "Europe/Berlin"),
      }),
      fixedSizeBinary: fc.record({
        kind: fc.constant("fixedSizeBinary" as const),
        byteWidth: fc.constantFrom(1, 2, 3, 4, 7, 8, 16, 20, 200),
      }),
    }).map((arbitrary) => ({ weight: 3, arbitrary })),
  );
  const atDepth = (depth: number): fc.Arbitrary<TypeSpec> => {
    if (depth === 0) return leaf;
    const inner = atDepth(depth - 1);
    const field: fc.Arbitrary<FieldSpec> = fc.record({ type: inner, nullable: fc.boolean() });
    const fields = fc.array(field, { minLength: 1, maxLength: 3 });
    const nested = only({
      list: fc.record({ kind: fc.constant("list" as const), item: field }),
      fixedSizeList: fc.record({
        kind: fc.constant("fixedSizeList" as const),
        listSize: fc.integer({ min: 1, max: 5 }),
        item: field,
      }),
      struct: fc.record({ kind: fc.constant("struct" as const), children: fields }),
      map: fc.record({
        kind: fc.constant("map" as const),
        key: leaf.filter(({ kind }) => kind !== "null"),
        value: field,
        keysSorted: fc.boolean(),
      }),
      union: fc.record({
        kind: fc.constant("union" as const),
        dense: fc.boolean(),
        firstId: fc.constantFrom(0, 5, 100),
        children: fields,
      }),
      dictionary: fc.record({
        kind: fc.constant("dictionary" as const),
        indices: fc.constantFrom(...Object.keys(INDICES).filter(isIndexKind)),
        // A dictionary whose values are one has no place in the IPC format.
        values: inner.filter(({ kind }) => kind !== "null" && kind !== "dictionary"),
        ordered: fc.boolean(),
      }),
    });
    return nested.length === 0 ? leaf : fc.oneof({ weight: nested.length, arbitrary: leaf }, ...nested);
  };
  return atDepth(maxDepth);
}

function isLeaf(kind: string): kind is keyof typeof LEAVES {
  return kind in LEAVES;
}

function isIndexKind(kind: string): kind is keyof typeof INDICES {
  return kind in INDICES;
}

/** Counts the dictionaries of one schema, so that their ids do not depend on what was made before. */
interface DictionaryIds {
  next: number;
}

/** The type that `spec` describes. */
export function buildType(spec: TypeSpec, ids: DictionaryIds = { next: 0 }): DataType {
  const field = (name: string, { type, nullable }: FieldSpec): Field => new Field(name, buildType(type, ids), nullable);
  const fields = (specs: readonly FieldSpec[]): Field[] => specs.map((child, index) => field(`f${index}`, child));
  switch (spec.kind) {
    case "decimal":
      return new Decimal(spec.scale, spec.precision, spec.bitWidth);
    case "timestamp":
      return new Timestamp(spec.unit, spec.timezone);
    case "fixedSizeBinary":
      return new FixedSizeBinary(spec.byteWidth);
    case "list":
      return new List(field("item", spec.item));
    case "fixedSizeList":
      return new FixedSizeList(spec.listSize, field("item", spec.item));
    case "struct":
      return new Struct(fields(spec.children));
    case "map": {
      const entries = new Struct([field("key", { type: spec.key, nullable: false }), field("value", spec.value)]);
      return new Map_(new Field("entries", entries, false), spec.keysSorted);
    }
    case "union": {
      const typeIds = spec.children.map((_, index) => spec.firstId + 2 * index);
      return new Union(spec.dense ? UnionMode.Dense : UnionMode.Sparse, typeIds, fields(spec.children));
    }
    case "dictionary": {
      const id = ids.next++;
      // 64-bit indices are missing from the declared types only.
      const indices = Reflect.construct(INDICES[spec.indices], []);
      return new Dictionary(buildType(spec.values, ids), indices, id, spec.ordered);
    }
    default:
      return LEAVES[spec.kind]();
  }
}

/** An arbitrary type. */
export function arbitraryType(options: TypeOptions = {}): fc.Arbitrary<DataType> {
  return arbitraryTypeSpec(options).map((spec) => buildType(spec));
}

const arbitrarySeed = fc.noShrink(fc.integer());

/** `length` arbitrary rows of `type`. */
export function arbitraryData(
  type: DataType,
  length: number,
  options: BuildOptions & { readonly nullable?: boolean } = {},
): fc.Arbitrary<Data> {
  return arbitrarySeed.map((seed) =>
    new DataBuilder(new Random(seed), options).build(type, length, options.nullable ?? true),
  );
}

/** Which schemas to make. */
export interface SchemaOptions extends TypeOptions {
  /** @default 0 */
  readonly minColumns?: number;
  /** @default 4 */
  readonly maxColumns?: number;
}

/** An arbitrary schema: columns `c0`, `c1` …, with or without metadata. */
export function arbitrarySchema(options: SchemaOptions = {}): fc.Arbitrary<Schema> {
  const { minColumns = 0, maxColumns = 4 } = options;
  const metadata = fc.dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }), { maxKeys: 2 });
  const column = fc.record({ type: arbitraryTypeSpec(options), nullable: fc.boolean(), metadata });
  return fc
    .record({ columns: fc.array(column, { minLength: minColumns, maxLength: maxColumns }), metadata })
    .map((spec) => {
      const ids = { next: 0 };
      const fields = spec.columns.map(
        ({ type, nullable, metadata }, index) =>
          new Field(`c${index}`, buildType(type, ids), nullable, new Map(Object.entries(metadata))),
      );
      return new Schema(fields, new Map(Object.entries(spec.metadata)));
    });
}

/** How many rows a batch has, and how it is built. */
export interface BatchOptions extends BuildOptions {
  /** @default 40 */
  readonly maxRows?: number;
  /** @default 0 */
  readonly minRows?: number;
}

/** An arbitrary batch of `schema`; often a slice, or a slice of a slice, of a longer one. Dictionaries differ from batch to batch. */
export function arbitraryBatchOf(schema: Schema, options: BatchOptions = {}): fc.Arbitrary<RecordBatch> {
  const { minRows = 0, maxRows = 40, plain = false } = options;
  const margin = plain ? fc.constant(0) : fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 }));
  const spec = fc.record({
    seed: arbitrarySeed,
    rows: fc.integer({ min: minRows, max: maxRows }),
    before: fc.tuple(margin, margin),
    after: margin,
  });
  return spec.map(({ seed, rows, before, after }) => {
    const builder = new DataBuilder(new Random(seed), options);
    const whole = buildBatch(schema, before[0] + before[1] + rows + after, builder);
    // apache-arrow forgets the rows of a batch without columns when it is sliced.
    if (schema.fields.length === 0) return whole;
    return whole.slice(before[0]).slice(before[1], before[1] + rows);
  });
}

/** An arbitrary batch of an arbitrary schema. */
export function arbitraryBatch(options: SchemaOptions & BatchOptions = {}): fc.Arbitrary<RecordBatch> {
  return arbitrarySchema(options).chain((schema) => arbitraryBatchOf(schema, options));
}

/** A batch of `rows` rows, its schema the very object given. */
export function buildBatch(schema: Schema, rows: number, builder: DataBuilder): RecordBatch {
  const children = schema.fields.map((field) => builder.build(field.type, rows, field.nullable));
  return batchOf(schema, rows, children);
}

/** A batch out of columns, also of none, whose rows apache-arrow's constructor would forget. */
export function batchOf(schema: Schema, rows: number, children: Data[]): RecordBatch {
  const batch: RecordBatch = Object.create(RecordBatch.prototype);
  return Object.assign(batch, { schema, data: structData(schema, rows, children) });
}

function structData(schema: Schema, rows: number, children: Data[]): Data<Struct> {
  return makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children });
}
