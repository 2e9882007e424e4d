import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "./json-text.js";

describe("parsing JSON", () => {
  it("keeps whole numbers exact, and what only looks like one as it is", () => {
    const text =
      '{"a":9007199254740993,"b":-9007199254740993,"c":1e20,"d":"9007199254740993","e":"\\\\","f":[12345678901234567]}';
    expect(parseJson(text)).toEqual({
      a: 9007199254740993n,
      b: -9007199254740993n,
      c: 1e20,
      d: "9007199254740993",
      e: "\\",
      f: [12345678901234567n],
    });
  });

  it("agrees with JSON.parse on every text, beside a long number", () => {
    const asNumbers = (value: unknown): string =>
      JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? Number(inner) : inner));
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify({ n: 9007199254740992, value });
        expect(asNumbers(parseJson(text))).toBe(asNumbers(JSON.parse(text)));
      }),
    );
  });

  it("takes long strings beside long numbers, and hostile escapes, in linear time", () => {
    const long = "a\\n".repeat(4_000_000);
    expect(parseJson(`{"n":9007199254740993,"s":"${long}"}`)).toMatchObject({ n: 9007199254740993n });
    expect(() => parseJson(`{"n":9007199254740993,"s":"${'\\"'.repeat(4_000_000)}`)).toThrow(SyntaxError);
  }, 10_000);

  it("refuses nesting that would exhaust the stack", () => {
    const nested = (depth: number): string => `${"[".repeat(depth)}9007199254740993${"]".repeat(depth)}`;
    expect(() => parseJson(nested(500))).not.toThrow();
    expect(() => parseJson(nested(501))).toThrow(/nested more than 500 levels deep/);
    expect(() => parseJson("[".repeat(4_000_000))).toThrow(SyntaxError);
    expect(parseJson(`"${"[".repeat(5_000)}"`)).toBe("[".repeat(5_000));
  });
});
