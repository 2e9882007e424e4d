import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { formatPosition, ORIGIN, parsePosition } from "./position.js";

const place = fc.record({ entry: fc.maxSafeNat(), batch: fc.nat({ max: 0xffff_ffff }) });

describe("positions", () => {
  it("are ordered as strings like entry and batch", () => {
    fc.assert(
      fc.property(place, place, (a, b) => {
        const order = a.entry - b.entry || a.batch - b.batch;
        const [x, y] = [formatPosition(a.entry, a.batch), formatPosition(b.entry, b.batch)];
        expect(x < y ? -1 : x > y ? 1 : 0).toBe(Math.sign(order));
      }),
    );
  });

  it("can be taken apart again", () => {
    fc.assert(
      fc.property(place, ({ entry, batch }) => {
        expect(parsePosition(formatPosition(entry, batch))).toEqual({ entry, batch });
      }),
    );
  });

  it("begin before the first entry", () => {
    expect(ORIGIN < formatPosition(1, 0)).toBe(true);
  });

  it.each([
    "",
    "17",
    "0-0",
    "00000000000000000-00000000",
    "000000000000000G-00000000",
    "ffffffffffffffff-00000000",
    17,
    null,
  ])("are not %j", (value) => {
    expect(() => parsePosition(value as string)).toThrow(UsageError);
  });
});
