import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { Ingest, type IngestOptions } from "./ingest.js";

function options(text: string, more: Partial<IngestOptions> = {}): IngestOptions {
  const sources = [{ stream: Readable.from([Buffer.from(text)]), name: "rows" }];
  return { sources, format: "csv", readers: 0, batchRows: 10, storeBytes: 2 ** 17, verify: true, ...more };
}

const hundred = `n\n${Array.from({ length: 100 }, (_, i) => i).join("\n")}\n`;

describe("Ingest", () => {
  it("has its figures before, during and after the run", async () => {
    const ingest = new Ingest(options(hundred));
    const figures = (): unknown => {
      const { rows, batches, bytes, fraction, fill, lag, source } = ingest;
      return { rows, batches, bytes, fraction, fill, lag, source };
    };
    expect(figures()).toMatchObject({ rows: 0, batches: 0, bytes: 0, fill: 0, lag: 0 });
    const result = await ingest.run();
    expect(figures()).toMatchObject({ rows: 100, batches: 10, bytes: 800, fill: 0, lag: 0 });
    expect(result).toMatchObject({ stores: 1, columns: [{ rows: 100, min: 0n, max: 99n, sum: 4950n }] });
    expect(result.disagreement).toBeUndefined();
  });

  it("rejects with the signal's reason, before and during the run", async () => {
    const reason = new Error("enough");
    await expect(new Ingest(options(hundred, { signal: AbortSignal.abort(reason) })).run()).rejects.toBe(reason);
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from("n\n");
      for (;;) yield Buffer.from("1\n".repeat(20_000));
    }
    const sources = [{ stream: Readable.from(endless()), name: "endless" }];
    const ingest = new Ingest(options("", { sources, signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 200);
    await expect(ingest.run()).rejects.toBe(reason);
    expect(ingest.rows).toBeGreaterThan(0);
  });

  it("rejects when the signal is aborted while it waits for readers", async () => {
    const reason = new Error("enough");
    const controller = new AbortController();
    const readerScript = new URL("data:text/javascript,setInterval(() => {}, 1000)");
    const signal = controller.signal;
    const ingest = new Ingest(options(hundred, { readers: 1, readerScript, signal }));
    setTimeout(() => controller.abort(reason), 200);
    await expect(ingest.run()).rejects.toBe(reason);
    expect(ingest).toMatchObject({ rows: 100, lag: 10 });
  });
});
