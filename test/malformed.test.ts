/**
 * Batches that are not what they say: none gets in, none leaves a trace, each is refused in words that name its column.
 */
import { type Data, Dictionary, Field, Int32, makeData, type RecordBatch, Schema, Utf8, Vector } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RecordBatchLike } from "../src/arrow/shape.js";
import { UsageError } from "../src/errors.js";
import { publishedBytes } from "../src/store/arena.fixture.js";
import type { BatchStore } from "../src/store/batch-store.js";
import { arbitraryBatchOf, arbitrarySchema, batchOf } from "./arrow-arbitrary.js";
import { corrupt, countCorruptions } from "./corruptions.js";
import { rowsOf } from "./plain-model.js";
import { emptyStore, type MemoryKind, messageBytes } from "./stores.js";

interface Case {
  readonly schema: Schema;
  readonly good: readonly RecordBatch[];
  readonly victim: RecordBatch;
  /** Which corruption, modulo how many there are. */
  readonly pick: number;
}

const arbitraryCase: fc.Arbitrary<Case> = arbitrarySchema({ minColumns: 1, maxColumns: 3 }).chain((schema) => {
  const batch = arbitraryBatchOf(schema, { plain: true, minRows: 1, maxRows: 20 });
  const pick = fc.noBias(fc.nat());
  return fc.record({
    schema: fc.constant(schema),
    good: fc.array(batch, { maxLength: 2 }),
    victim: batch,
    pick,
  });
});

/** The error that appending gives. */
function refusal(append: () => unknown): unknown {
  try {
    append();
  } catch (error) {
    return error;
  }
  return undefined;
}

function expectRefused(store: BatchStore, broken: RecordBatchLike, paths: readonly string[], what: string): void {
  const before = { ...store.snapshot(), bytes: publishedBytes(store) };
  for (const append of [() => store.append(broken), () => store.appendAll([broken])]) {
    const error = refusal(append);
    expect(error, what).toBeInstanceOf(UsageError);
    const named = paths.some((path) => String(error).includes(`column ${JSON.stringify(path)}`));
    expect(named ? what : `${what} at ${paths[0]}: ${error}`).toBe(what);
  }
  const after = { ...store.snapshot(), bytes: publishedBytes(store) };
  expect({ ...after, bytes: 0 }).toEqual({ ...before, bytes: 0 });
  expect(after.bytes.equals(before.bytes)).toBe(true);
}

function checkCase({ schema, good, victim, pick }: Case, kind: MemoryKind): string {
  using store = emptyStore(schema, kind);
  for (const batch of good) store.append(batch);
  const { batch, paths, what } = corrupt(victim, pick % countCorruptions(victim));
  expectRefused(store, batch, paths, what);
  store.append(victim);
  const batches = [...good, victim];
  expect(store.batches().map(rowsOf)).toStrictEqual(batches.map(rowsOf));
  using fresh = emptyStore(schema);
  for (const one of batches) fresh.append(one);
  expect(messageBytes(store).equals(messageBytes(fresh))).toBe(true);
  return what;
}

describe("a batch with one thing wrong in it", () => {
  it.each<MemoryKind>(["wasm", "dirty plain"])("is refused and leaves no trace (%s)", (kind) => {
    fc.assert(
      fc.property(arbitraryCase, (c) => void checkCase(c, kind)),
      { numRuns: kind === "wasm" ? 400 : 100 },
    );
  });

  it("is made in every way that this test knows", () => {
    const cases = fc.sample(arbitraryCase, { numRuns: 300, seed: 1 });
    const ways = cases.flatMap(({ victim }) =>
      Array.from({ length: countCorruptions(victim) }, (_, i) => corrupt(victim, i).what.replace(/\d+/, "n")),
    );
    expect([...new Set(ways)].sort()).toEqual([
      "a bitmap too short",
      "a dictionary without chunks",
      "a fractional offset",
      "a last offset past the values",
      "a negative first offset",
      "a negative index",
      "a negative offset",
      "a negative offset of a value",
      "a negative offset within",
      "a negative type id",
      "a null where none may be",
      "a row less",
      "a row more",
      "an index past the dictionary",
      "an offset higher than the next",
      "an offset past the child",
      "an unknown type id",
      "bytes too few",
      "child n missing",
      "child n too short",
      "data of another type",
      "no dictionary",
      "no type ids",
      "no values",
      "offsets too few",
      "type ids too few",
      "values too few",
    ]);
  });
});

describe("a dictionary in several chunks", () => {
  const type = new Dictionary(new Utf8(), new Int32(), 0);
  const schema = new Schema([new Field("kind", type, true)]);
  const chunk = (text: string): Data<Utf8> => {
    const data = Buffer.from(text);
    return makeData({ type: new Utf8(), length: 1, valueOffsets: Int32Array.of(0, data.byteLength), data });
  };
  const batchWith = (...chunks: Data<Utf8>[]): RecordBatch =>
    batchOf(schema, 2, [makeData({ type, data: Int32Array.of(0, 1), dictionary: new Vector(chunks) })]);

  it("is refused when one of them is broken, and does not replace the one in force", () => {
    using store = emptyStore(schema);
    store.append(batchWith(chunk("a"), chunk("b")));
    const short = Object.assign(chunk("xyz"), { values: Buffer.from("x") });
    const numbers: unknown = makeData({ type: new Int32(), data: Int32Array.of(1) });
    const wrong = Object.assign(chunk("x"), numbers);
    const huge = Object.assign(chunk("x"), { length: 2 ** 40 });
    for (const bad of [short, wrong, huge]) {
      expectRefused(store, batchWith(chunk("a"), bad), ["kind.dictionary"], "a broken chunk");
    }
    store.append(batchWith(chunk("a"), chunk("b")));
    expect(store.batches().map(rowsOf)).toEqual([
      [["a"], ["b"]],
      [["a"], ["b"]],
    ]);
  });
});
