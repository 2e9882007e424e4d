/** What keeps a process alive, and how one may be started: real processes. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../test/bundle.js";

const root = mkdtempSync(join(tmpdir(), "pennon-lifetime-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let library: string;
beforeAll(async () => {
  library = pathToFileURL(await bundle(new URL("./lifetime.fixture.ts", import.meta.url))).href;
});

function run(body: string) {
  const directory = mkdtempSync(join(root, "shard-"));
  const script = `import { open } from ${JSON.stringify(library)}; const directory = ${JSON.stringify(directory)}; ${body}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

describe("a process", () => {
  it("may come from the command line, and ends by itself though nothing was closed", () => {
    const body = `const writer = await open(directory); console.log(await writer.put({ id: 1n }));`;
    expect(run(body)).toEqual({ status: 0, stdout: "0000000000000001-00000000\n", stderr: "" });
  });

  it("does not end before a put that waits for the interval", () => {
    const body = `const writer = await open(directory, { flushIntervalMs: 300 }); console.log(await writer.put({ id: 1n }));`;
    expect(run(body)).toEqual({ status: 0, stdout: "0000000000000001-00000000\n", stderr: "" });
  });
});
