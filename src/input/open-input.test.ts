import { readdirSync, readFileSync } from "node:fs";
import { PassThrough, Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openInput } from "./open-input.js";
import { dataFile, failure, readAll, rowsOf, streamOf, withDirectory, withFile } from "./sources.fixture.js";

const countRows = async (source: Parameters<typeof readAll>[0]) =>
  (await readAll(source)).reduce((rows, batch) => rows + batch.numRows, 0);

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("openInput", () => {
  it("has an error of its own for each thing wrong with a path", async () => {
    await withDirectory(async (directory) => {
      expect(await failure({ path: `${directory}/none.csv` })).toMatch(/UsageError: .*none.csv: no such file/);
      expect(await failure({ path: directory })).toMatch(/UsageError: .*: is a directory/);
    });
    await withFile("a.csv", "", async (path) =>
      expect(await failure({ path })).toMatch(/UsageError: .*a.csv: the file is empty/),
    );
    await withFile("a.bin", "\0\x01\x02", async (path) =>
      expect(await failure({ path })).toMatch(/UsageError: .*: unknown format/),
    );
    await withFile("a.md", "# title\n", async (path) =>
      expect(await failure({ path })).toMatch(/UsageError: .*: unknown format/),
    );
    await withFile("a.csv", " \n\n", async (path) => expect(await failure({ path })).toMatch(/nothing but blanks/));
    await withFile("a.parquet", "hello, world", async (path) =>
      expect(await failure({ path })).toMatch(/CorruptError: .*PAR1/),
    );
    await withFile("a.arrow", "hello, world", async (path) =>
      expect(await failure({ path })).toMatch(/CorruptError: .*ARROW1/),
    );
    expect(await failure(streamOf(""))).toMatch(/UsageError: <stdin>: is empty/);
    const broken = new Readable({
      read() {
        this.destroy(new Error("pipe burst"));
      },
    });
    expect(await failure({ stream: broken, name: "<stdin>" })).toMatch(/<stdin>: cannot be read: pipe burst/);
  });

  it("checks its options", async () => {
    for (const batchRows of [0, 1.5, 1_000_001])
      expect(await failure(streamOf("a,b\n1,2\n"), { batchRows })).toMatch(/UsageError: batchRows/);
  });

  it("looks at the content first, then at the extension", async () => {
    await withFile("wrong.csv", '{"a":1}', async (path) => expect((await openThenClose(path)).format).toBe("ndjson"));
    await withFile("data", "a;b\n1;2\n", async (path) => expect((await openThenClose(path)).format).toBe("csv"));
    await withFile("one.csv", "a\n1\n", async (path) => expect((await openThenClose(path)).format).toBe("csv"));
    expect((await openThenClose(dataFile("flights-200k.arrow"))).format).toBe("arrow");
    expect((await openThenClose(dataFile("flights-3m.parquet"))).format).toBe("parquet");
  });

  it("gunzips, and says when the gzip data is damaged", async () => {
    const zipped = gzipSync(readFileSync(dataFile("flights-20k.json")));
    expect(await countRows(streamOf(zipped))).toBe(20_000);
    await withFile("a.json.gz", zipped, async (path) => expect(await countRows({ path })).toBe(20_000));
    await withFile("a.csv.gz", gzipSync("a\n1\n"), async (path) =>
      expect(rowsOf(await readAll({ path }))).toEqual([{ a: 1n }]),
    );
    expect(await failure(streamOf(zipped.subarray(0, zipped.length / 2)))).toMatch(
      /CorruptError: <stdin>: the gzip data is damaged or cut off/,
    );
    expect(await countRows(streamOf(gzipSync(readFileSync(dataFile("flights-200k.arrow")))))).toBe(200_000);
  });

  it("frees its handles when the loop is left early, at close, and on errors", async () => {
    const before = openHandles();
    for (const name of ["flights-200k.arrow", "flights-3m.parquet", "flights-20k.json", "zipcodes.csv"]) {
      const early = await openInput({ path: dataFile(name) }, { batchRows: 1000 });
      for await (const batch of early.batches()) if (batch.numRows > 0) break;
      const closed = await openInput({ path: dataFile(name) });
      await closed.close();
      await closed.close();
      await expect(drain(closed.batches())).rejects.toThrow(/the input was closed/);
    }
    const parquet = readFileSync(dataFile("flights-3m.parquet"));
    // A folder of its own: other tests make temporary files at the same time.
    await withDirectory(async (directory) => {
      vi.stubEnv("TMPDIR", directory);
      const input = await openInput(streamOf(parquet));
      expect(readdirSync(directory)).toHaveLength(1);
      await input.close();
      await failure(streamOf(parquet.subarray(0, 5000)));
      expect(readdirSync(directory)).toEqual([]);
    });
    expect(openHandles()).toBe(before);
  });

  it("says that a stream cannot be kept in a temporary file, and where", async () => {
    vi.stubEnv("TMPDIR", "/nowhere");
    expect(await failure(streamOf(readFileSync(dataFile("flights-3m.parquet"))))).toMatch(
      /UsageError: <stdin>: cannot be kept in a temporary file in \/nowhere.*ENOENT.*; set TMPDIR/,
    );
  });

  it("does not wait for the end of a pipe that can be nothing of its format, and keeps nothing of it", async () => {
    for (const format of ["arrow", "parquet", "ndjson"] as const) {
      let chunks = 0;
      const zeros = new Readable({
        read() {
          chunks += 1;
          this.push(chunks > 200 ? null : Buffer.alloc(1 << 20));
        },
      });
      expect(await failure({ stream: zeros, name: "<stdin>" }, { format })).toMatch(/(Corrupt|Usage)Error: <stdin>: /);
      expect(chunks).toBeLessThan(100);
      if (format === "parquet") expect(chunks).toBeLessThan(5);
    }
  });

  it("ends with the signal's reason, also while it waits for a stream", async () => {
    const reason = new Error("enough");
    const aborted = AbortSignal.abort(reason);
    await expect(openInput({ path: dataFile("zipcodes.csv") }, { signal: aborted })).rejects.toBe(reason);
    for (const name of ["flights-200k.arrow", "flights-3m.parquet", "flights-20k.json", "zipcodes.csv"]) {
      const controller = new AbortController();
      const input = await openInput({ path: dataFile(name) }, { signal: controller.signal, batchRows: 10 });
      let seen = 0;
      const reading = (async () => {
        for await (const batch of input.batches()) {
          seen += Math.min(batch.numRows, 1);
          controller.abort(reason);
        }
      })();
      await expect(reading).rejects.toBe(reason);
      expect(seen).toBe(1);
      await input.close();
    }
    const controller = new AbortController();
    const stream = new PassThrough();
    stream.write("a,b\n1,2\n");
    const opening = openInput({ stream, name: "<stdin>" }, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(opening).rejects.toBe(reason);
    expect(stream.destroyed).toBe(true);
  });
});

async function drain(batches: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of batches);
}

async function openThenClose(path: string) {
  const input = await openInput({ path });
  await input.close();
  return input;
}

/** Files that this process has open (Linux; 0 elsewhere). */
function openHandles(): number {
  return process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
}
