import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { data, type Outcome, root, startNode, startPennon } from "./run-pennon.js";

const flights = `${data}flights-200k.arrow`;

/** Runs the ingest with other code in its reader threads. */
async function withReaders(body: string, storeBytes = 2 ** 26): Promise<Outcome> {
  const script = `data:text/javascript,${encodeURIComponent(body)}`;
  const code = `
    import { failureOf } from ${JSON.stringify(pathToFileURL(`${root}dist/cli/failure.js`).href)};
    import { runIngest } from ${JSON.stringify(pathToFileURL(`${root}dist/cli/ingest/run-ingest.js`).href)};
    const flags = { readers: 2, batchRows: 1000, storeBytes: ${storeBytes}, verify: true, readerScript: new URL(${JSON.stringify(script)}) };
    try {
      process.exitCode = await runIngest([${JSON.stringify(flights)}], flags);
    } catch (error) {
      const { message, exitCode } = failureOf(error);
      console.error(message);
      process.exitCode = exitCode;
    }`;
  const { child, outcome } = startNode(["--input-type=module", "--eval", code]);
  child.stdin?.end();
  return await outcome;
}

describe("an ingest that does not end well", () => {
  it("says that a reader thread died, and how, with exit code 1", async () => {
    const exited = await withReaders("process.exit(3)");
    expect(exited).toMatchObject({ code: 1, stdout: "" });
    expect(exited.stderr).toMatch(/^pennon: reader thread [12] ended before its work was done \(exit code 3\)\n$/);
    const thrown = await withReaders("throw new Error('no luck')");
    expect(thrown).toMatchObject({ code: 1, stdout: "" });
    expect(thrown.stderr).toMatch(/^pennon: reader thread [12] died: no luck\n$/);
  });

  it("does not wait for stores that a dead reader holds", async () => {
    const late =
      'import { parentPort } from "node:worker_threads"; parentPort.on("message", () => setTimeout(() => process.exit(9), 300));';
    const { code, stderr } = await withReaders(late, 2 ** 17);
    expect(stderr).toMatch(/reader thread [12] ended before its work was done \(exit code 9\)/);
    expect(code).toBe(1);
  });

  it("names column and readers when they do not agree, with exit code 1", async () => {
    const liar = `
      import { parentPort } from "node:worker_threads";
      const column = { rows: 7, nulls: 0, min: 0, max: 0, sum: 0, checksum: 0, children: [] };
      parentPort.on("message", ({ kind }) => {
        if (kind === "store") return parentPort.postMessage({ kind: "drained" });
        const columns = ["delay", "distance", "time"].map((name) => ({ name, ...column }));
        parentPort.postMessage({ kind: "result", columns });
        parentPort.close();
      });`;
    const { code, stdout, stderr } = await withReaders(liar);
    expect(stderr).toBe(
      'pennon: the threads do not agree: column "delay": rows differs (the writer: 200000, reader 1: 7, reader 2: 7)\n',
    );
    expect(code).toBe(1);
    expect(stdout).not.toContain("agree");
  });
});

describe.runIf(existsSync("/dev/full"))("an ingest whose output cannot be written", () => {
  it("says so, with exit code 1", async () => {
    const command = [process.execPath, `${root}dist/cli/main.js`, "ingest", "--limit", "10", flights];
    const { status, stderr } = spawnSync("sh", ["-c", '"$@" > /dev/full', "sh", ...command], { encoding: "utf8" });
    expect(stderr).toMatch(/^pennon: standard output cannot be written: ENOSPC[^\n]*\n$/);
    expect(status).toBe(1);
  });
});

describe("an ingest that is stopped", () => {
  /** Feeds rows without end; resolves when the command has taken some hundred thousand. */
  async function feed(signal: NodeJS.Signals): Promise<Outcome> {
    const { child, outcome } = startPennon("ingest", "--store-bytes", "1M", "--batch-rows", "1000", "-");
    const rows = Buffer.from("123456,abc\n".repeat(10_000));
    child.stdin?.write("n,s\n");
    let chunks = 0;
    await new Promise<void>((resolve) => {
      const more = (): void => {
        if (++chunks === 40) resolve();
        if (chunks < 40 && child.stdin?.write(rows) === true) setImmediate(more);
        else if (chunks < 40) child.stdin?.once("drain", more);
      };
      more();
    });
    child.kill(signal);
    return await outcome;
  }

  it("by SIGINT says what was ingested, with exit code 130", async () => {
    const { code, stdout, stderr } = await feed("SIGINT");
    expect(stderr).toMatch(/^pennon: stopped by SIGINT after [1-9][\d,]* rows in [\d,]+ batches, [\d.]+ MB\n$/);
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
  });

  it("by SIGTERM does the same, with exit code 143", async () => {
    const { code, stderr } = await feed("SIGTERM");
    expect(stderr).toMatch(/^pennon: stopped by SIGTERM after /);
    expect(code).toBe(143);
  });

  it("by a closed pipe ends without a word", async () => {
    for (const args of [["ingest", flights], ["ingest", "--json", flights], ["--help"]]) {
      const { child, outcome } = startPennon(...args);
      child.stdout?.destroy();
      child.stdin?.end();
      expect(await outcome).toMatchObject({ code: 0, stderr: "" });
    }
  });
});
