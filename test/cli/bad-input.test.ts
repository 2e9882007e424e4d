import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { data, pennon } from "./run-pennon.js";

const flights = `${data}flights-200k.arrow`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pennon-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Runs the command, which must end with exit code 2, nothing on standard output and this one line on standard error. */
async function expectRefusal(args: readonly string[], line: RegExp, input: string | Uint8Array = ""): Promise<void> {
  const { code, stdout, stderr } = await pennon(args, input);
  expect(stderr).toMatch(line);
  expect(stderr).toMatch(/^pennon: [^\n]+\n$/);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
}

const refuse = (args: readonly string[], line: RegExp, input?: string | Uint8Array): Promise<void> =>
  expectRefusal(["ingest", ...args], line, input);

describe("a wrong command line", () => {
  it("is told in one line, with exit code 2", async () => {
    await expectRefusal(["igest", "x"], /unknown command 'igest' \(Did you mean ingest\?\)/);
    await expectRefusal(["--colour"], /unknown option '--colour'/);
    await refuse([], /missing required argument 'file'/);
    await refuse(["--reader", "1", flights], /unknown option '--reader' \(Did you mean --readers\?\)/);
  });

  it("is told by the bounds of each option", async () => {
    await refuse(
      ["--readers", "65", flights],
      /'--readers <n>' argument '65' is invalid. Expected a whole number from 0 to 64/,
    );
    await refuse(["--batch-rows", "0", flights], /Expected a whole number from 1 to 1000000/);
    await refuse(["--limit", "-1", flights], /'--limit <n>'/);
    await refuse(["--store-bytes", "63K", flights], /Expected a size from 64K to 4G/);
    await refuse(["--format", "xml", flights], /Allowed choices are arrow, parquet, csv, ndjson/);
    await refuse(["-", "-"], /standard input\) is given more than once/);
  });

  it("gets help for no arguments and --help, and the version", async () => {
    for (const args of [[], ["--help"]]) {
      expect(await pennon(args)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("Usage: pennon"),
        stderr: "",
      });
    }
    const help = await pennon(["ingest", "--help"]);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining("Examples:"), stderr: "" });
    for (const option of [
      "--readers",
      "--batch-rows",
      "--limit",
      "--format",
      "--store-bytes",
      "--no-verify",
      "--json",
    ]) {
      expect(help.stdout).toContain(option);
    }
    expect(help.stdout.split("\n").every((line) => line.length <= 80)).toBe(true);
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(await pennon(["--version"])).toMatchObject({ code: 0, stdout: `pennon ${version}\n` });
  });
});

describe("bad input", () => {
  it("that cannot be opened is told in one line, with exit code 2", async () => {
    await refuse([join(folder, "missing.csv")], /missing\.csv: no such file/);
    mkdirSync(join(folder, "sub"), { recursive: true });
    await refuse([join(folder, "sub")], /sub: is a directory/);
    await refuse([file("empty.csv", "")], /empty\.csv: the file is empty/);
    await refuse(["-"], /<stdin>: is empty/, "");
    await refuse(
      [
        file(
          "noise.bin",
          Uint8Array.from({ length: 999 }, (_, i) => (i * 89) % 256),
        ),
      ],
      /noise\.bin/,
    );
    await refuse([file("line\nbreak\u001b[31m.bin", "\u0000\u0001\u0002")], /line\\nbreak\\u001b\[31m/);
  });

  it("with a broken row names the line", async () => {
    await refuse([file("fields.csv", "a,b\n1,2\n1,2,3\n")], /fields\.csv: line 3 has 3 fields; expected 2/);
    await refuse([file("broken.ndjson", '{"a":1}\n{"a":}\n')], /broken\.ndjson: line 2/);
    const late = `n\n${"1\n".repeat(20_000)}x\n`;
    await refuse([file("late.csv", late)], /late\.csv: line 20002, column "n": "x" is not/);
  });

  it("with damaged bytes names the file", async () => {
    const arrow = readFileSync(flights);
    await refuse([file("cut.arrow", arrow.subarray(0, 300_000))], /cut\.arrow/);
    const length = Buffer.from(arrow.subarray(0, 4096));
    length.writeInt32LE(2 ** 31 - 1, 12);
    await refuse([file("length.arrow", length)], /length\.arrow/);
    const parquet = readFileSync(`${data}flights-3m.parquet`);
    await refuse([file("cut.parquet", parquet.subarray(0, 100_000))], /cut\.parquet: does not end with PAR1/);
    const noise = Buffer.from(parquet);
    noise.fill(0xa5, 100, 200_000);
    await refuse(["--limit", "10", file("noise.parquet", noise)], /noise\.parquet: row group 0/);
    await refuse(["--format", "parquet", flights], /flights-200k\.arrow/);
  });

  it("with another schema than the first file names file and field", async () => {
    const one = file("one.csv", "a,b\n1,2\n");
    await refuse(
      [one, file("two.csv", "a,c\n1,2\n")],
      /two\.csv: does not have the schema of .*one\.csv: field 1 is named "c"; expected "b"/,
    );
    await refuse([flights, one], /one\.csv: does not have the schema of .*flights-200k\.arrow: field 0 is named "a"/);
    await refuse([one, file("text.csv", "a,b\nx,2\n")], /text\.csv: line 2, column "a": "x" is not Int64/);
  });

  it("with a row that no store can hold says what to do", async () => {
    const path = file("wide.csv", `a,b\n1,${"x".repeat(200_000)}\n`);
    await refuse(
      ["--store-bytes", "64K", path],
      /wide\.csv: a single row \(with its dictionaries, if it has any\) is too large for a store of 65536 bytes; give more with --store-bytes/,
    );
    expect((await pennon(["ingest", "--store-bytes", "1M", path])).code).toBe(0);
    const names = Array.from({ length: 3000 }, (_, i) => `column_${i}`).join();
    await refuse(
      ["--store-bytes", "64K", file("columns.csv", `${names}\n${names}\n`)],
      /columns\.csv: no store can be made with --store-bytes 65536: .*header and schema alone take \d+/,
    );
  });
});
