import { Field, FixedSizeList, Float32, List, Struct, type Vector, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { hasNullItem, hasStrictItems } from "./null-items.js";
import type { TypeLike } from "./shape.js";

const pair = (nullable: boolean) => new FixedSizeList(2, new Field("item", new Float32(), nullable));
const dataOf = ({ data }: Vector) => {
  const [only] = data;
  if (only === undefined) throw new Error("no data");
  return only;
};
const found = (strict: TypeLike, loose: ConstructorParameters<typeof Field>[1], rows: readonly unknown[], from = 0) =>
  hasNullItem(strict, dataOf(vectorFromArray(rows, loose).slice(from)));

describe("null items of fixed-size lists", () => {
  it("are told from null lists, also in slices", () => {
    expect([hasStrictItems(pair(false)), hasStrictItems(pair(true)), hasStrictItems(new Float32())]).toEqual([
      true,
      false,
      false,
    ]);
    expect(found(pair(false), pair(true), [[1, 2], null, [3, 4]])).toBe(false);
    expect(found(pair(false), pair(true), [[1, 2], null, [3, null]])).toBe(true);
    expect(found(pair(false), pair(true), [[null, 2], [3, 4], null, [5, 6]], 1)).toBe(false);
    expect(
      found(
        pair(false),
        pair(true),
        [
          [1, 2],
          [3, 4],
          [null, 5],
        ],
        1,
      ),
    ).toBe(true);
    expect(found(pair(true), pair(true), [[null, 2]])).toBe(false);
  });

  it("are found within structs and lists, unless a null lies over them", () => {
    const struct = (nullable: boolean) => new Struct([new Field("v", pair(nullable), true)]);
    expect(found(struct(false), struct(true), [{ v: [1, 2] }, null, { v: null }])).toBe(false);
    expect(found(struct(false), struct(true), [{ v: [1, 2] }, { v: [null, 2] }])).toBe(true);
    const list = (nullable: boolean) => new List(new Field("item", pair(nullable), true));
    expect(found(list(false), list(true), [[[1, 2], null], [], null, [[3, 4]]])).toBe(false);
    expect(
      found(list(false), list(true), [
        [[1, 2]],
        [
          [3, 4],
          [5, null],
        ],
      ]),
    ).toBe(true);
    expect(found(list(false), list(true), [[[1, null]], [[3, 4]]], 1)).toBe(false);
  });
});
