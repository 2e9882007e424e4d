import { InvalidArgumentError } from "commander";
import { describe, expect, it } from "vitest";
import { ClosedError, CorruptError, UsageError } from "../errors.js";
import { failureOf, Interruption } from "./failure.js";
import { tableLines } from "./ingest/table.js";
import { oneLine } from "./one-line.js";
import { byteSize, duration, wholeNumber } from "./option-values.js";
import { counted, grouped, short, size } from "./quantities.js";

describe("failureOf", () => {
  it("has an exit code for each kind of failure", () => {
    const code = (error: unknown): number => failureOf(error, false).exitCode;
    expect(code(new UsageError("x"))).toBe(2);
    expect(code(new CorruptError("x"))).toBe(2);
    expect(code(Object.assign(new Error("ENOSPC: no space left"), { syscall: "write" }))).toBe(2);
    expect(code(new ClosedError("x"))).toBe(1);
    expect(code(new TypeError("x"))).toBe(70);
    expect(code("x")).toBe(70);
    expect(new Interruption("SIGINT").exitCode).toBe(130);
  });

  it("is one line, unless the stack is asked for", () => {
    expect(failureOf(new UsageError("a\nb\u001b[2J"), false).message).toBe("pennon: a\\nb\\u001b[2J");
    const cause = new Error("below");
    const internal = new TypeError("oops", { cause });
    expect(failureOf(internal, false).message).toBe(
      "pennon: internal error, please report it: oops (PENNON_DEBUG=1 shows where)",
    );
    expect(failureOf(internal, true).message).toMatch(/oops\nTypeError: oops\n +at .*caused by Error: below/s);
  });
});

describe("oneLine", () => {
  it("shows what a terminal would obey, and cuts", () => {
    expect(oneLine("tab\t cr\r bidi\u202e sep\u2028 é ✓")).toBe("tab\\t cr\\r bidi\\u202e sep\\u2028 é ✓");
    expect([...oneLine("x".repeat(5000))]).toHaveLength(1001);
  });
});

describe("option values", () => {
  it("are times, in milliseconds", () => {
    expect(["0", "250ms", "90s", "15m", "1h", "7d"].map(duration)).toEqual([0, 250, 90e3, 900e3, 3600e3, 604800e3]);
    for (const text of ["", "1", "h", "-1h", "1.5h", "1 h", "366d", "1w"]) {
      expect(() => duration(text)).toThrow(InvalidArgumentError);
    }
  });

  it("takes whole numbers within bounds", () => {
    const parse = wholeNumber(1, 64);
    expect([parse("1"), parse("64"), parse("007")]).toEqual([1, 64, 7]);
    for (const bad of ["0", "65", "-1", "1.5", "1e1", "", " 1", "0x10", "NaN"]) {
      expect(() => parse(bad)).toThrow(InvalidArgumentError);
    }
  });

  it("takes sizes with suffixes within bounds", () => {
    const parse = byteSize(2 ** 16, 2 ** 32);
    expect(["65536", "64K", "64k", "1M", "4G", "256MiB", "1MB"].map(parse)).toEqual([
      65536,
      65536,
      65536,
      2 ** 20,
      2 ** 32,
      2 ** 28,
      2 ** 20,
    ]);
    for (const bad of ["65535", "63K", "5G", "-1M", "1.5M", "M", "1T", ""])
      expect(() => parse(bad)).toThrow("64K to 4G");
  });
});

describe("quantities", () => {
  it("have three digits and a suffix", () => {
    expect([0, 7, 999, 1000, 9994, 99_949, 999_499, 999_500, 3_420_000, 7.2e12].map(short)).toEqual([
      "0",
      "7",
      "999",
      "1.00k",
      "9.99k",
      "99.9k",
      "999k",
      "1.00M",
      "3.42M",
      "7.20T",
    ]);
    expect([size(0), size(114_002_992)]).toEqual(["0 B", "114 MB"]);
    expect([
      grouped(3_000_000),
      counted(1, "batch", "batches"),
      counted(2, "batch", "batches"),
      counted(0, "row"),
    ]).toEqual(["3,000,000", "1 batch", "2 batches", "0 rows"]);
  });
});

describe("tableLines", () => {
  it("aligns, cuts, leaves empty columns out and shows no control characters", () => {
    const columns = [
      { title: "name", align: "left", most: 6 },
      { title: "none", align: "left", most: 6 },
      { title: "n", align: "right", most: 6 },
    ] as const;
    const rows = [
      ["abcdefgh", "", "1"],
      ["é\n", "", "123"],
    ];
    expect(tableLines(columns, rows)).toEqual(["name      n", "abcde…    1", "é\\n     123"]);
  });
});
