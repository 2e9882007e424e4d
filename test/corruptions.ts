/**
 * Batches with exactly one thing wrong, anywhere in them.
 *
 * Only for batches built plain (`{ plain: true }`): there every buffer is just as long as its rows, so whatever is broken is needed.
 *
 * @module
 */
import { Float32, makeData, type RecordBatch, Type, UnionMode, Utf8 } from "apache-arrow";
import type { DataLike, RecordBatchLike, TypeLike } from "../src/arrow/shape.js";

/** Data whose parts can be replaced. */
interface Shape {
  type: TypeLike;
  length: number;
  offset: number;
  values: ArrayBufferView | undefined;
  valueOffsets: ArrayBufferView | undefined;
  nullBitmap: ArrayBufferView | undefined;
  typeIds: ArrayBufferView | undefined;
  children: (Shape | undefined)[];
  dictionary: { type: TypeLike; data: Shape[] } | undefined;
}

/** A batch that must be refused. */
export interface Corruption {
  /** What is wrong with it. */
  readonly what: string;
  /** The columns one of which the error has to name. */
  readonly paths: readonly string[];
  readonly batch: RecordBatchLike;
}

/** One way to break one node; `apply` works on the copy that it is given. */
interface Breakage {
  readonly what: string;
  readonly paths: readonly string[];
  readonly apply: () => unknown;
}

/** How many ways there are to break `batch`. */
export function countCorruptions(batch: RecordBatch): number {
  return breakagesOf(batch, copyOf(batch)).length;
}

/** Number `index` of the ways to break `batch`, which itself is left alone. */
export function corrupt(batch: RecordBatch, index: number): Corruption {
  const children = copyOf(batch);
  const breakage = breakagesOf(batch, children)[index];
  if (breakage === undefined) throw new RangeError(`there is no corruption ${index}`);
  breakage.apply();
  const broken = { schema: batch.schema, numRows: batch.numRows, data: { children, length: batch.numRows } };
  return { what: breakage.what, paths: breakage.paths, batch: broken };
}

function copyOf(batch: RecordBatch): Shape[] {
  return batch.data.children.map(shapeOf);
}

function shapeOf(data: DataLike): Shape {
  const { type, length, offset, dictionary } = data;
  return {
    type,
    length,
    offset,
    values: copied(data.values),
    valueOffsets: copied(data.valueOffsets),
    nullBitmap: copied(data.nullBitmap),
    typeIds: copied(data.typeIds),
    children: (data.children ?? []).map((child) => child && shapeOf(child)),
    dictionary: dictionary ? { type: dictionary.type, data: dictionary.data.map(shapeOf) } : undefined,
  };
}

/** A copy of the same class. */
function copied(view: ArrayBufferView | null | undefined): ArrayBufferView | undefined {
  if (!view) return undefined;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  return Reflect.construct(view.constructor, [bytes.buffer]);
}

function breakagesOf(batch: RecordBatch, columns: readonly Shape[]): Breakage[] {
  return batch.schema.fields.flatMap(({ name, nullable, type }, i) => {
    const shape = columns[i];
    if (shape === undefined) return [];
    const own = breakages(shape, name);
    const rows = shape.length;
    if (!nullable && rows > 0 && type.typeId !== Type.Null && type.typeId !== Type.Union) {
      const apply = (): unknown => Object.assign(shape, { nullBitmap: new Uint8Array(Math.ceil(rows / 8)).fill(0xfe) });
      own.push({ what: "a null where none may be", paths: [name], apply });
    }
    own.push({ what: "a row more", paths: [name], apply: () => void shape.length++ });
    if (rows > 0) own.push({ what: "a row less", paths: [name], apply: () => void shape.length-- });
    return own;
  });
}

function breakages(shape: Shape, path: string): Breakage[] {
  const { type, length } = shape;
  const fields = type.children ?? [];
  const below = type.typeId === Type.Dictionary ? [] : fields.map(({ name }) => `${path}.${name}`);
  const found: Breakage[] = [];
  const add = (what: string, apply: () => unknown): void => void found.push({ what, paths: [path, ...below], apply });

  add("data of another type", () => Object.assign(shape, otherData(type, length)));
  add("a negative offset", () => Object.assign(shape, { offset: -1 }));
  add("a fractional offset", () => Object.assign(shape, { offset: 0.5 }));
  if (length > 0) {
    breakBitmap(shape, add);
    if (type.typeId === Type.Union) breakUnion(shape, add);
    else breakBuffers(shape, add);
    shape.children.forEach((child, i) => {
      add(`child ${i} missing`, () => Object.assign(shape, { children: shape.children.slice(0, i) }));
      if (child && child.length > 0) add(`child ${i} too short`, () => void child.length--);
    });
    if (shape.dictionary) breakDictionary(shape, add);
  }
  const children = below.flatMap((childPath, i) => {
    const child = shape.children[i];
    return child ? breakages(child, childPath) : [];
  });
  const values = (shape.dictionary?.data ?? []).flatMap((chunk) => breakages(chunk, `${path}.dictionary`));
  return [...found, ...children, ...values];
}

type Add = (what: string, apply: () => unknown) => void;

function breakBitmap(shape: Shape, add: Add): void {
  const needed = Math.ceil(shape.length / 8);
  // Cut down to nothing a bitmap says that no row is null, and unions and nulls have none.
  if (needed < 2 || !shape.nullBitmap?.byteLength) return;
  add("a bitmap too short", () => Object.assign(shape, { nullBitmap: cut(shape.nullBitmap, needed - 1) }));
}

function breakBuffers(shape: Shape, add: Add): void {
  const { type, length, values, valueOffsets } = shape;
  const lastIsNull = isNull(shape, length - 1);
  if (valueOffsets?.byteLength) {
    const width = valueOffsets.byteLength / (length + 1);
    const end = Number(element(valueOffsets, length));
    if (!lastIsNull)
      add("offsets too few", () => Object.assign(shape, { valueOffsets: cut(valueOffsets, length * width) }));
    add("a negative first offset", () => setElement(valueOffsets, 0, -1));
    add("a last offset past the values", () => setElement(valueOffsets, length, end + 1));
    if (length > 1) add("an offset higher than the next", () => setElement(valueOffsets, length - 1, end + 1));
    if (length > 1 && end > 0) {
      add("a negative offset within", () => setElement(valueOffsets, length - 1, -(2 ** 31)));
    }
    if (end > 0 && values?.byteLength)
      add("bytes too few", () => Object.assign(shape, { values: cut(values, end - 1) }));
  } else if (values?.byteLength && !lastIsNull) {
    const held = type.typeId === Type.Bool ? Math.ceil(length / 8) : values.byteLength;
    if (type.typeId === Type.Bool || held % length === 0) {
      add("values too few", () => Object.assign(shape, { values: cut(values, held - 1) }));
      add("no values", () => Object.assign(shape, { values: undefined }));
    }
  }
}

function breakUnion(shape: Shape, add: Add): void {
  const { type, length, typeIds, valueOffsets } = shape;
  if (!typeIds) return;
  add("an unknown type id", () => setElement(typeIds, length - 1, 127));
  add("a negative type id", () => setElement(typeIds, 0, -1));
  add("type ids too few", () => Object.assign(shape, { typeIds: cut(typeIds, length - 1) }));
  add("no type ids", () => Object.assign(shape, { typeIds: undefined }));
  if (type.mode !== UnionMode.Dense || !valueOffsets) return;
  add("a negative offset of a value", () => setElement(valueOffsets, 0, -1));
  add("an offset past the child", () => setElement(valueOffsets, length - 1, 1_000_000));
  add("offsets too few", () => Object.assign(shape, { valueOffsets: cut(valueOffsets, 4 * (length - 1)) }));
}

function breakDictionary(shape: Shape, add: Add): void {
  const { type, length, values, dictionary } = shape;
  add("no dictionary", () => Object.assign(shape, { dictionary: undefined }));
  add("a dictionary without chunks", () => {
    if (dictionary) dictionary.data = [];
  });
  const row = Array.from({ length }, (_, i) => i).find((i) => !isNull(shape, i));
  if (row === undefined || !values) return;
  const size = dictionary?.data.reduce((sum, chunk) => sum + chunk.length, 0) ?? 0;
  add("an index past the dictionary", () => setElement(values, row, size));
  if (type.indices?.isSigned) add("a negative index", () => setElement(values, row, -1));
}

/** Data of `length` rows that is not of `type`. */
function otherData(type: TypeLike, length: number): Shape {
  if (type.typeId === Type.Float) {
    return shapeOf(
      makeData({ type: new Utf8(), length, valueOffsets: new Int32Array(length + 1), data: new Uint8Array() }),
    );
  }
  return shapeOf(makeData({ type: new Float32(), data: new Float32Array(length) }));
}

function isNull({ nullBitmap, offset }: Shape, row: number): boolean {
  if (!nullBitmap?.byteLength) return false;
  const bytes = new Uint8Array(nullBitmap.buffer, nullBitmap.byteOffset, nullBitmap.byteLength);
  return (((bytes[(offset + row) >> 3] ?? 0) >> ((offset + row) & 7)) & 1) === 0;
}

function cut(view: ArrayBufferView | undefined, bytes: number): Uint8Array | undefined {
  return view && new Uint8Array(view.buffer, view.byteOffset, bytes);
}

function element(view: ArrayBufferView, index: number): unknown {
  return Reflect.get(view, index);
}

function setElement(view: ArrayBufferView, index: number, value: number): void {
  Reflect.set(view, index, typeof element(view, index) === "bigint" ? BigInt(value) : value);
}
