import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import * as native from "./utf8.js";

/** The module as it is where there is no Buffer. */
async function withoutBuffer(): Promise<typeof native> {
  vi.stubGlobal("Buffer", undefined);
  vi.resetModules();
  try {
    return await import("./utf8.js");
  } finally {
    vi.unstubAllGlobals();
  }
}

/** The module as it is where strings have no such method. */
async function withoutIsWellFormed(): Promise<typeof native> {
  const method = Object.getOwnPropertyDescriptor(String.prototype, "isWellFormed");
  Reflect.deleteProperty(String.prototype, "isWellFormed");
  vi.resetModules();
  try {
    return await import("./utf8.js");
  } finally {
    if (method !== undefined) Object.defineProperty(String.prototype, "isWellFormed", method);
  }
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        "a",
        "\u007f",
        "\u0080",
        "\u07ff",
        "\u0800",
        "\uffff",
        "\ufeff",
        "é",
        "€",
        "😀",
        "\ud800",
        "\udc00",
      ),
      { maxLength: 20 },
    )
    .map((parts) => parts.join("")),
);

describe.each([
  ["with Buffer", () => native],
  ["without", withoutBuffer],
])("UTF-8 %s", (_, load) => {
  it("encodes as TextEncoder does, and says how long", async () => {
    const { encodeUtf8, utf8Length } = await load();
    fc.assert(
      fc.property(text, fc.nat({ max: 9 }), (value, start) => {
        const into = new Uint8Array(start + 3 * value.length).fill(0xaa);
        const expected = new TextEncoder().encode(value);
        expect(encodeUtf8(value, into, start)).toBe(expected.length);
        expect(into.slice(start, start + expected.length)).toEqual(expected);
        expect(into.slice(0, start).every((byte) => byte === 0xaa)).toBe(true);
        expect(utf8Length(value)).toBe(expected.length);
      }),
      { numRuns: 500 },
    );
  });

  it("decodes it from shared memory, byte order marks and all", async () => {
    const { decodeUtf8 } = await load();
    fc.assert(
      fc.property(text, fc.nat({ max: 9 }), (value, start) => {
        const encoded = new TextEncoder().encode(value);
        const bytes = new Uint8Array(new SharedArrayBuffer(start + encoded.length + 3)).fill(0x41);
        bytes.set(encoded, start);
        expect(decodeUtf8(bytes, start, start + encoded.length)).toBe(Buffer.from(value).toString());
      }),
      { numRuns: 500 },
    );
  });
});

describe("half of a surrogate pair", () => {
  const lone = ["\ud800", "a\udc00", "\ud800\ud800\udc00", "\udc00\ud800"];
  const whole = ["", "abc", "\ud800\udc00", "😀é"];

  it.each([
    ["with the method of strings", async () => native],
    ["without", withoutIsWellFormed],
  ])("is known %s", async (_, load) => {
    const { hasLoneSurrogate } = await load();
    expect(lone.map(hasLoneSurrogate)).toEqual(lone.map(() => true));
    expect(whole.map(hasLoneSurrogate)).toEqual(whole.map(() => false));
  });

  it("is replaced", () => {
    expect(lone.map(native.wellFormed)).toEqual(["\ufffd", "a\ufffd", "\ufffd\ud800\udc00", "\ufffd\ufffd"]);
    expect(whole.map(native.wellFormed)).toEqual(whole);
  });
});
