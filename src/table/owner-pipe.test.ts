import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { ConflictError } from "../errors.js";
import { claimPipe, pipeName, pipeOwner } from "./owner-pipe.js";

/** Linux's abstract sockets behave as named pipes do: one listener, forgotten with its process. */
const fresh = () =>
  process.platform === "win32"
    ? pipeName(randomBytes(8).toString("hex"))
    : `\0pennon-${randomBytes(8).toString("hex")}`;

describe.skipIf(process.platform === "darwin")("claimPipe", () => {
  it("is held by one, and free after its close", async () => {
    const name = fresh();
    expect(await pipeOwner(name)).toBeUndefined();
    const first = await claimPipe(name, "shard", {});
    await expect(claimPipe(name, "shard", {})).rejects.toThrow(ConflictError);
    await expect(claimPipe(name, "shard", {})).rejects.toThrow(`shard is open for writing in this process`);
    first.announce(3);
    expect(await pipeOwner(name)).toMatchObject({ pid: process.pid, epoch: 3, answers: true });
    await first.close();
    expect(await pipeOwner(name)).toBeUndefined();
  });

  it("is yielded to a takeover, and not given up twice", async () => {
    const name = fresh();
    const first = await claimPipe(name, "shard", {});
    const second = await claimPipe(name, "shard", { takeover: true });
    second.announce(2);
    await first.close();
    expect(await pipeOwner(name)).toMatchObject({ epoch: 2 });
    await second.close();
    expect(await pipeOwner(name)).toBeUndefined();
  });

  it("is taken over without the name when its holder does not yield it", async () => {
    const name = fresh();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(name, resolve));
    await expect(claimPipe(name, "shard", {})).rejects.toThrow(/another process, which does not answer/);
    const owner = await claimPipe(name, "shard", { takeover: true });
    await owner.close();
    server.close();
  });
});

describe("pipeName", () => {
  it("is the same for all spellings of a path that Windows takes for one", () => {
    expect(pipeName("C:\\Db\\t.lance")).toBe(pipeName("c:\\db\\T.lance"));
    expect(pipeName("C:\\Db\\t.lance")).toMatch(/^\\\\\.\\pipe\\pennon-[0-9a-f]{32}$/);
  });
});
