import { Field, Schema, TimestampMicrosecond, Utf8 } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RowReader } from "../arrow/rows/row-reader.js";
import { openInput } from "./open-input.js";
import { batchesOf, dataFile, failure, outcome, readAll, rowsOf, streamOf } from "./sources.fixture.js";

async function rows(text: string, chunkBytes?: number): Promise<unknown[]> {
  return rowsOf(await readAll(streamOf(text, chunkBytes)));
}

describe("NDJSON", () => {
  it("reads one array of objects as it streams", async () => {
    const input = await openInput({ path: dataFile("flights-20k.json") });
    const batches = await batchesOf(input);
    expect(input.schema.fields.map((field) => String(field.type))).toEqual(["Utf8", "Int64", "Int64", "Utf8", "Utf8"]);
    expect(batches.map((batch) => batch.numRows)).toEqual([8192, 8192, 3616]);
    expect(batches[0]?.get(0)?.toJSON()).toEqual({
      date: "2001/01/01 00:47",
      delay: 66n,
      distance: 1750n,
      origin: "DTW",
      destination: "LAS",
    });
  });

  it("reads lines with missing fields, nested objects and arrays, mixes and long integers", async () => {
    const text = [
      '{"a":1,"s":{"x":1,"y":["p"]},"m":1,"e":[]}',
      "",
      '{"a":9007199254740993,"s":{"x":2.5},"m":"two","n":null}',
      '{"s":null,"m":{"k":[true]},"e":[null],"q":"\\"9007199254740993"}',
    ].join("\r\n");
    const expected = [
      { a: 1n, s: { x: 1, y: ["p"] }, m: "1", e: [], n: null, q: null },
      { a: 9007199254740993n, s: { x: 2.5, y: null }, m: "two", e: null, n: null, q: null },
      { a: null, s: null, m: '{"k":[true]}', e: [null], n: null, q: '"9007199254740993' },
    ];
    expect(await rows(text)).toEqual(expected);
    expect(await rows(text, 3)).toEqual(expected);
    expect(await rows(`\ufeff[${text.trim().replaceAll(/\r\n(\r\n)?/g, ",\n")}]\n`, 3)).toEqual(expected);
  });

  it("reads half of a surrogate pair as U+FFFD, and fields by any name, at every depth", async () => {
    const text =
      '{"a":"x\\ud800","o":{"__proto__":"\\udc00","constructor":[{"b":"\\ud800y"},null]},"m":1}\n{"m":["\\ud800"]}';
    const [batch] = await readAll(streamOf(text));
    if (batch === undefined) throw new Error("no batch");
    const [first, second] = new RowReader(batch.schema).readAll(batch);
    expect(first).toMatchObject({ a: "x\ufffd", o: { constructor: [{ b: "\ufffdy" }, null] }, m: "1" });
    expect(Object.entries(Object(first?.["o"]))[0]).toEqual(["__proto__", "\ufffd"]);
    expect(second).toMatchObject({ a: null, o: null, m: '["\\ud800"]' });
  });

  it("names the line of what is wrong", async () => {
    expect(await failure(streamOf('{"a":1}\n\n{"a":}\n'))).toMatch(/UsageError: <stdin>: line 3 is not valid JSON/);
    expect(await failure(streamOf('{"a":1}\n[1]\n'))).toMatch(/line 2 is \[1\]; expected a JSON object/);
    expect(await failure(streamOf('[\n{"a":1},\n{"a":2},\n3]'))).toMatch(/line 4 is 3; expected a JSON object/);
    expect(await failure(streamOf('[{"a":1},]'))).toMatch(/unexpected "]" where an object should be/);
    expect(await failure(streamOf('[{"a":1}] x'))).toMatch(/after the end of the array/);
    expect(await failure(streamOf('[{"a":1},\n{"a":2}'))).toMatch(/line 2: the array is cut off/);
    expect(await failure(streamOf(Buffer.from([...Buffer.from('{"a":1}\n{"a":"'), 0xff, 34, 125])))).toMatch(
      /line 2 is not valid UTF-8/,
    );
    expect(await failure(streamOf(`{"a":1}\n{"a":"${"x".repeat(17 * 1024 * 1024)}"}`))).toMatch(
      /line 2: a record is longer than/,
    );
    expect(await failure(streamOf("[]"))).toMatch(/no objects with fields/);
  });

  it("bounds nesting, columns with those nested in them, and the bytes of a batch", async () => {
    const deep = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    expect(await failure(streamOf(`{"a":1}\n${deep}\n`))).toMatch(
      /UsageError: <stdin>: line 2 .* nested more than 500/,
    );
    const fields = Array.from({ length: 10_000 }, (_, i) => `"c${i}":1`).join();
    expect(await failure(streamOf(`{"o":{${fields}}}\n`))).toMatch(
      /has 10001 columns, nested ones included; at most 10000/,
    );
    const wide = `{"s":"${"x".repeat(15 * 1024 * 1024)}"}\n`;
    const batches = await readAll(streamOf(wide.repeat(20), 1 << 20));
    expect(batches.map((batch) => batch.numRows)).toEqual([9, 9, 2]);
  }, 20_000);

  it("refuses unknown fields and values that do not fit, after the rows that types were guessed from", async () => {
    const lines = '{"a":1}\n'.repeat(10_000);
    expect(await failure(streamOf(`${lines}{"a":1,"b":2}\n`))).toMatch(
      /line 10001: field "b" is not among the columns/,
    );
    expect(await failure(streamOf(`${lines}{"a":1.5}\n`))).toMatch(/line 10001, column "a": 1.5 is not Int64/);
    expect(await failure(streamOf(`${lines}{"a":1,"__proto__":2}\n`))).toMatch(/field "__proto__" is not among/);
  });

  it("takes a schema in place of guesses", async () => {
    const schema = new Schema([
      new Field("t", new TimestampMicrosecond("UTC"), true),
      new Field("s", new Utf8(), true),
    ]);
    expect(rowsOf(await readAll(streamOf('{"s":"x","t":"2024-01-01T01:00:00+01:00"}'), { schema }))).toEqual([
      { t: 1704067200000, s: "x" },
    ]);
    expect(await failure(streamOf('{"s":1}'), { schema })).toMatch(/column "s": 1 is not Utf8/);
  });

  it("reads back any objects, as lines and as an array", async () => {
    const object = fc.record({
      i: fc.maxSafeInteger(),
      s: fc.string({ unit: "grapheme" }),
      f: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true })),
      l: fc.array(fc.string()),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(object, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 64 }),
        async (objects, size) => {
          const texts = objects.map((one) => JSON.stringify(one));
          const expected = objects.map(({ i, s, l, f }) => ({
            i: BigInt(i),
            s,
            f: typeof f === "number" ? f : null,
            l,
          }));
          const seen = objects.some(({ f }) => f !== null);
          for (const text of [texts.join("\n"), `[${texts.join(",\n")}]`]) {
            const actual = await rows(text, size);
            if (seen) expect(actual).toEqual(expected);
            else expect(actual).toHaveLength(objects.length);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("gives batches or one of our errors for any text", async () => {
    const piece = fc.constantFrom("{", "}", "[", "]", '"', "\\", ",", ":", "1", "null", "\n", "a", "-", '{"a":1}');
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("{", "["), fc.array(piece, { maxLength: 20 }), async (first, pieces) => {
        await outcome(streamOf(first + pieces.join("")));
      }),
      { numRuns: 300 },
    );
  });
});
