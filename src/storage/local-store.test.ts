/** A local store: the contract, and what only files have: directories, leftovers, and failures of every step. */
import fs, {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OutcomeUnknownError, RetryableError, StorageError, UsageError } from "../errors.js";
import { LocalStore } from "./local-store.js";
import { objectStoreContract } from "./object-store.contract.js";
import { MAX_OBJECT_BYTES, ObjectExistsError, ObjectNotFoundError } from "./object-store.js";

objectStoreContract("LocalStore", async () => {
  const directory = mkdtempSync(join(tmpdir(), "pennon-storage-"));
  const store = new LocalStore(directory);
  return {
    store,
    close: async () => {
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
});

const bytes = new Uint8Array([1, 2, 3]);

let directory: string;
let store: LocalStore;
const mended: (() => void)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pennon-storage-"));
  store = new LocalStore(directory);
});
afterEach(async () => {
  mend();
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

type SyncFunction =
  | "openSync"
  | "writevSync"
  | "fsyncSync"
  | "closeSync"
  | "linkSync"
  | "renameSync"
  | "unlinkSync"
  | "mkdirSync";

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: made up, for a test`), { code });
}

/** Has a call of the file system fail: the nth from now on, and as many as are told. */
function failOn(name: SyncFunction, code: string, nth = 1, count = 1): void {
  const original = fs[name];
  let calls = 0;
  Reflect.set(fs, name, (...args: unknown[]) => {
    calls++;
    if (calls >= nth && calls < nth + count) throw failure(code);
    return Reflect.apply(original, fs, args);
  });
  mended.push(() => Reflect.set(fs, name, original));
  syncBuiltinESMExports();
}

/** Has every stat of something below the store's directory answered so. */
function answerStats(answer: () => undefined): void {
  const original = fs.statSync;
  Reflect.set(fs, "statSync", (...args: unknown[]) =>
    args[0] === directory ? Reflect.apply(original, fs, args) : answer(),
  );
  mended.push(() => Reflect.set(fs, "statSync", original));
  syncBuiltinESMExports();
}

/** Undoes what the tests do to calls of the file system. */
function mend(): void {
  vi.restoreAllMocks();
  for (const undo of mended.splice(0).reverse()) undo();
  syncBuiltinESMExports();
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

/** Names in a directory of the store, hidden ones included. */
function names(...path: string[]): string[] {
  return readdirSync(join(directory, ...path)).sort();
}

describe("directories", () => {
  it("are made when they are missing, the store's own and those above it included", async () => {
    const deep = new LocalStore(join(directory, "x", "y"));
    expect(await deep.head("a/b/c")).toBeUndefined();
    expect(names()).toEqual([]);
    await deep.putIfAbsent("a/b/c", [bytes]);
    await deep.put("d/e", [bytes]);
    expect(names("x", "y", "a", "b")).toEqual(["c"]);
    expect(names("x", "y", "d")).toEqual(["e"]);
    await deep.close();
  });

  it("are made again when somebody removed them, a spare file in them or not", async () => {
    for (const put of [
      () => store.putIfAbsent("wal/9", [bytes]),
      () => store.putIfAbsent("wal/9", [bytes], { durable: false }),
      () => store.put("wal/9", [bytes]),
    ]) {
      for (let i = 0; i < 3; i++) await store.putIfAbsent(`wal/${i}`, [bytes]);
      await nextTurn();
      rmSync(join(directory, "wal"), { recursive: true });
      await put();
      expect(await store.get("wal/9")).toEqual(bytes);
      rmSync(join(directory, "wal"), { recursive: true });
    }
  });

  it.each([true, false])(
    "that were removed have their names made durable again (made again by somebody else: %s)",
    async (remade) => {
      for (let i = 0; i < 2; i++) await store.putIfAbsent(`wal/${i}`, [bytes]);
      await nextTurn();
      rmSync(join(directory, "wal"), { recursive: true });
      if (remade) mkdirSync(join(directory, "wal"));
      const synced = vi.spyOn(fs, "fsyncSync");
      syncBuiltinESMExports();
      await store.putIfAbsent("wal/9", [bytes]);
      // The spare file's in vain, the new file's, the directory's, and those of all above it.
      expect(synced.mock.calls.length).toBeGreaterThan(4);
      expect(names("wal")).toEqual(["9"]);
    },
  );

  const writes = [
    ["putIfAbsent", (at: LocalStore) => at.putIfAbsent("wal/9", [bytes])],
    ["putIfAbsent, not durable", (at: LocalStore) => at.putIfAbsent("new/9", [bytes], { durable: false })],
    ["put", (at: LocalStore) => at.put("wal/9", [bytes])],
    ["sync", (at: LocalStore) => at.sync(["wal/1"])],
  ] as const;

  it.each(writes)("of the store that were removed or replaced are not made again by %s", async (_, write) => {
    const root = join(directory, "table", "shard");
    for (const [made, remade] of [
      [false, () => {}],
      [true, () => {}],
      [false, () => mkdirSync(join(root, "wal"), { recursive: true })],
      [true, () => mkdirSync(join(root, "wal"), { recursive: true })],
    ] as const) {
      if (made) mkdirSync(root, { recursive: true });
      const dropped = new LocalStore(root);
      for (let i = 0; i < 3; i++) await dropped.putIfAbsent(`wal/${i}`, [bytes]);
      await nextTurn();
      rmSync(join(directory, "table"), { recursive: true });
      remade();
      const before = readdirSync(directory, { recursive: true });
      for (let i = 0; i < 2; i++) {
        const error = await rejection(write(dropped));
        expect(error).toBeInstanceOf(StorageError);
        expect(String(error)).toContain(`${root} was removed or replaced since it was opened at 20`);
        expect(String(error)).toMatch(/close and open again\.$/);
      }
      expect(readdirSync(directory, { recursive: true })).toEqual(before);
      await dropped.close();
      const again = new LocalStore(root);
      await again.putIfAbsent("wal/1", [bytes]);
      await again.close();
      rmSync(join(directory, "table"), { recursive: true });
    }
  });

  it("of the store that go away in the midst of a put are not made again", async () => {
    await store.putIfAbsent("wal/1", [bytes]);
    const original = fs.mkdirSync;
    Reflect.set(fs, "mkdirSync", (...args: unknown[]) => {
      rmSync(directory, { recursive: true, force: true });
      return Reflect.apply(original, fs, args);
    });
    mended.push(() => Reflect.set(fs, "mkdirSync", original));
    syncBuiltinESMExports();
    expect(String(await rejection(store.putIfAbsent("new/1", [bytes])))).toContain("was removed or replaced");
    expect(existsSync(directory)).toBe(false);
  });

  it("of the store are known by being there where the file system numbers none", async () => {
    const original = fs.statSync;
    Reflect.set(fs, "statSync", (...args: unknown[]) => {
      const found: unknown = Reflect.apply(original, fs, args);
      return args[0] === directory && found !== undefined ? { dev: 0n, ino: 0n } : found;
    });
    mended.push(() => Reflect.set(fs, "statSync", original));
    syncBuiltinESMExports();
    await store.putIfAbsent("wal/1", [bytes]);
    rmSync(directory, { recursive: true });
    expect(await rejection(store.putIfAbsent("wal/2", [bytes]))).toBeInstanceOf(StorageError);
  });

  it("are no objects, nor are files below objects", async () => {
    await store.putIfAbsent("a", [bytes]);
    expect(await rejection(store.putIfAbsent("a/b", [bytes]))).toBeInstanceOf(StorageError);
    mkdirSync(join(directory, "d"));
    expect(await rejection(store.get("d"))).toBeInstanceOf(ObjectNotFoundError);
    expect(await store.head("d")).toBeUndefined();
    expect(await rejection(store.putIfAbsent("d", [bytes]))).toBeInstanceOf(ObjectExistsError);
    expect(await rejection(store.put("d", [bytes]))).toBeInstanceOf(StorageError);
    await store.delete("d");
    expect(names()).toEqual(["a", "d"]);
  });

  it("stays the same when the process goes elsewhere", () => {
    expect(new LocalStore("a/../b").name).toBe(join(process.cwd(), "b"));
  });
});

describe("a listing", () => {
  it("passes over names that are no keys, and what is no file", async () => {
    await store.putIfAbsent("wal/1", [bytes]);
    for (const name of [".hidden", "with space", "ends.", ".tmp-1-000000000000-0", "nul"])
      writeFileSync(join(directory, "wal", name), "");
    mkdirSync(join(directory, "wal", "empty"));
    mkdirSync(join(directory, ".dir"));
    writeFileSync(join(directory, ".dir", "x"), "");
    const seen: string[] = [];
    for await (const { key } of store.list("")) seen.push(key);
    expect(seen).toEqual(["wal/1"]);
  });

  it("follows symbolic links, and ends where they go round", async () => {
    await store.putIfAbsent("a/file", [bytes]);
    symlinkSync(join(directory, "a"), join(directory, "b"));
    symlinkSync(join(directory, "a", "file"), join(directory, "c"));
    symlinkSync(join(directory, "gone"), join(directory, "d"));
    const seen: string[] = [];
    for await (const { key } of store.list("")) seen.push(key);
    expect(seen).toEqual(["a/file", "b/file", "c"]);
    symlinkSync(directory, join(directory, "a", "round"));
    let rounds = 0;
    for await (const _ of store.list("")) rounds++;
    expect(rounds).toBeLessThan(1000);
  });
});

describe("temporary files", () => {
  const hourMs = 60 * 60 * 1000;

  function leave(name: string, ageMs: number): void {
    const path = join(directory, "wal", name);
    mkdirSync(join(directory, "wal"), { recursive: true });
    closeSync(openSync(path, "w"));
    const then = new Date(Date.now() - ageMs);
    utimesSync(path, then, then);
  }

  it("are gone after every put, but for one spare, which close removes", async () => {
    await store.putIfAbsent("wal/0", [bytes]);
    await nextTurn();
    expect(names("wal")).toEqual(["0"]);
    await store.putIfAbsent("wal/1", [bytes]);
    await nextTurn();
    expect(names("wal").filter((name) => name.startsWith(".tmp-"))).toHaveLength(1);
    await store.putIfAbsent("wal/2", [bytes]);
    expect(names("wal")).toEqual(["0", "1", "2"]);
    await nextTurn();
    await store.put("wal/hint", [bytes]);
    await rejection(store.putIfAbsent("wal/2", [bytes]));
    await store.putIfAbsent("other/3", [bytes]);
    await store.putIfAbsent("other/4", [bytes]);
    await nextTurn();
    expect(names("wal")).toEqual(["0", "1", "2", "hint"]);
    expect(names("other")).toHaveLength(3);
    await store.close();
    expect(names("other")).toEqual(["3", "4"]);
    const next = new LocalStore(directory);
    for (const key of ["other/5", "other/6"]) await next.putIfAbsent(key, [bytes]);
    await next.close();
    await nextTurn();
    expect(names("other"), "none is made after close").toEqual(["3", "4", "5", "6"]);
  });

  it("do not matter when somebody removes them in the midst", async () => {
    for (let i = 0; i < 2; i++) await store.putIfAbsent(`wal/${i}`, [bytes]);
    await nextTurn();
    for (const name of names("wal")) if (name.startsWith(".")) rmSync(join(directory, "wal", name));
    await store.putIfAbsent("wal/2", [bytes]);
    expect(await store.get("wal/2")).toEqual(bytes);
    failOn("linkSync", "ENOENT", 1, 2);
    answerStats(() => undefined);
    expect(await rejection(store.putIfAbsent("wal/3", [bytes]))).toBeInstanceOf(RetryableError);
  });

  it("of the dead are removed by the first write into the directory, those of the living and the young are kept", async () => {
    // A process that surely is no more, as it was awaited.
    const { spawnSync } = await import("node:child_process");
    const dead = spawnSync(process.execPath, ["-e", ""]).pid;
    const kept = [
      [`.tmp-${dead}-0123456789ab-0`, hourMs / 2],
      [`.tmp-${process.ppid}-0123456789ab-0`, 2 * hourMs],
      [".tmp-other", 2 * hourMs],
      [`.tmp-${dead}-0123456789ab-x`, 2 * hourMs],
      [`1.arrow.tmp.${dead}`, 2 * hourMs],
    ] as const;
    for (const [name, ageMs] of kept) leave(name, ageMs);
    leave(`.tmp-${dead}-0123456789ab-1`, 2 * hourMs);
    // As in a container, where the process before had the same id.
    leave(`.tmp-${process.pid}-0123456789ab-2`, 2 * hourMs + process.uptime() * 1000);
    await store.putIfAbsent("wal/1", [bytes]);
    expect(names("wal")).toEqual(["1", ...kept.map(([name]) => name)].sort());
  });

  it("of the dead are removed a portion at a time", async () => {
    const { spawnSync } = await import("node:child_process");
    const dead = spawnSync(process.execPath, ["-e", ""]).pid;
    for (let i = 0; i < 100; i++) leave(`.tmp-${dead}-0123456789ab-${i}`, 2 * hourMs);
    await store.putIfAbsent("wal/1", [bytes]);
    expect(names("wal")).toHaveLength(100 - 64 + 1);
    const next = new LocalStore(directory);
    await next.put("wal/hint", [bytes]);
    expect(names("wal")).toEqual(["1", "hint"]);
    await next.close();
  });
});

describe("a failure", () => {
  /** Every step up to the link leaves nothing to be seen, and no temporary file. */
  it.each([
    ["mkdirSync", "EACCES", StorageError],
    ["mkdirSync", "EMFILE", RetryableError],
    ["openSync", "ENOSPC", StorageError],
    ["openSync", "EDQUOT", StorageError],
    ["openSync", "EACCES", StorageError],
    ["openSync", "EROFS", StorageError],
    ["openSync", "EMFILE", RetryableError],
    ["openSync", "ENFILE", RetryableError],
    ["writevSync", "ENOSPC", StorageError],
    ["writevSync", "EIO", StorageError],
    ["writevSync", "EFBIG", StorageError],
    ["writevSync", "EAGAIN", RetryableError],
    ["writevSync", "EINTR", RetryableError],
    ["fsyncSync", "EIO", StorageError],
    ["fsyncSync", "ENOSPC", StorageError],
    // What would pass elsewhere does not for an fsync.
    ["fsyncSync", "EINTR", StorageError],
    ["fsyncSync", "EAGAIN", StorageError],
    ["closeSync", "EIO", StorageError],
    ["linkSync", "ENOSPC", StorageError],
    ["linkSync", "EIO", StorageError],
    ["linkSync", "EROFS", StorageError],
    ["linkSync", "EBUSY", RetryableError],
    ["linkSync", "EPERM", StorageError],
    ["linkSync", "ENOTSUP", StorageError],
  ] as const)("of %s with %s before the object has its name", async (name, code, type) => {
    failOn(name, code);
    const error = await rejection(store.putIfAbsent("wal/1", [bytes]));
    expect(error).toBeInstanceOf(type);
    expect(String(error)).toContain(code);
    expect(await store.head("wal/1")).toBeUndefined();
    expect(existsSync(join(directory, "wal")) ? names("wal") : []).toEqual([]);
    // The next one finds everything as if that had not been.
    await store.putIfAbsent("wal/1", [bytes]);
    expect(await store.get("wal/1")).toEqual(bytes);
  });

  it("to make the name of a directory durable comes before the object has its name, and is not taken as done", async () => {
    // 1 is the file's, those after it the directories'.
    for (const nth of [2, 3]) {
      failOn("fsyncSync", "EIO", nth);
      expect(await rejection(store.putIfAbsent("wal/1", [bytes]))).toBeInstanceOf(StorageError);
      mend();
      expect(names("wal")).toEqual([]);
    }
    const synced = vi.spyOn(fs, "fsyncSync");
    syncBuiltinESMExports();
    await store.putIfAbsent("wal/1", [bytes]);
    expect(synced.mock.calls.length).toBeGreaterThan(3);
    synced.mockClear();
    await store.putIfAbsent("wal/2", [bytes]);
    expect(synced).toHaveBeenCalledTimes(2);
  });

  it("to open the directory is met before the object has its name", async () => {
    await store.putIfAbsent("wal/1", [bytes]);
    failOn("openSync", "EMFILE", 2);
    expect(await rejection(store.putIfAbsent("wal/2", [bytes]))).toBeInstanceOf(RetryableError);
    expect(names("wal")).toEqual(["1"]);
  });

  it("to open a directory above the store's for lack of leave is none", async () => {
    const real = fs.openSync;
    vi.spyOn(fs, "openSync").mockImplementation((path, ...rest) => {
      if (typeof path === "string" && directory.startsWith(path) && path !== directory) throw failure("EACCES");
      return real(path, ...rest);
    });
    syncBuiltinESMExports();
    await store.putIfAbsent("wal/1", [bytes]);
    expect(names("wal")).toEqual(["1"]);
  });

  it("of the directory's fsync leaves the outcome unknown, for good", async () => {
    await store.putIfAbsent("wal/1", [bytes]);
    failOn("fsyncSync", "EIO", 2);
    const error = await rejection(store.putIfAbsent("wal/2", [bytes]));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toMatchObject({ retryable: false });
    expect(names("wal")).toEqual(["1", "2"]);
  });

  it.each(["EINVAL", "ENOTSUP"])(
    "of the directory's fsync with %s is none: the file system has no such thing",
    async (code) => {
      await store.putIfAbsent("wal/1", [bytes]);
      failOn("fsyncSync", code, 2);
      await store.putIfAbsent("wal/2", [bytes]);
      failOn("fsyncSync", code, 1);
      expect(await rejection(store.putIfAbsent("wal/3", [bytes]))).toBeInstanceOf(StorageError);
    },
  );

  it("to remove the temporary name is none", async () => {
    await store.putIfAbsent("wal/1", [bytes]);
    failOn("unlinkSync", "EIO");
    await store.putIfAbsent("wal/2", [bytes]);
    expect(await store.get("wal/2")).toEqual(bytes);
  });

  it("of a rename leaves the former object", async () => {
    await store.put("hint", [bytes]);
    failOn("renameSync", "EIO");
    expect(await rejection(store.put("hint", []))).toBeInstanceOf(StorageError);
    expect(await store.get("hint")).toEqual(bytes);
    expect(names()).toEqual(["hint"]);
  });

  it.each([
    ["EIO", StorageError],
    ["EACCES", StorageError],
    ["EMFILE", RetryableError],
  ] as const)("to open with %s is no missing object", async (code, type) => {
    await store.putIfAbsent("a", [bytes]);
    failOn("openSync", code);
    expect(await rejection(store.get("a"))).toBeInstanceOf(type);
    expect(await store.get("a")).toEqual(bytes);
  });

  it("of sync leaves the outcome unknown, be it a file's or a directory's", async () => {
    await store.putIfAbsent("wal/1", [bytes], { durable: false });
    for (const nth of [1, 2, 3]) {
      failOn("fsyncSync", "EIO", nth);
      const error = await rejection(store.sync(["wal/1"]));
      expect(error).toBeInstanceOf(OutcomeUnknownError);
      expect(error).toMatchObject({ retryable: false });
      mend();
    }
  });
});

describe("a link", () => {
  function linkThenSay(code: string, links: boolean): void {
    const real = fs.linkSync;
    vi.spyOn(fs, "linkSync").mockImplementationOnce((from, to) => {
      if (links) real(from, to);
      throw failure(code);
    });
    syncBuiltinESMExports();
  }

  it.each(["EEXIST", "EIO", "ETIMEDOUT"])("whose reply was lost was made, whatever %s says", async (code) => {
    linkThenSay(code, true);
    await store.putIfAbsent("wal/1", [bytes]);
    expect(names("wal")).toEqual(["1"]);
    expect(await rejection(store.putIfAbsent("wal/1", [bytes]))).toBeInstanceOf(ObjectExistsError);
  });

  it("of which nothing is known may yet be made", async () => {
    linkThenSay("ETIMEDOUT", false);
    const error = await rejection(store.putIfAbsent("wal/1", [bytes]));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toMatchObject({ retryable: true });
  });

  it.each(["EEXIST", "EIO"])("that failed with %s may have been made when nobody can look", async (code) => {
    await store.putIfAbsent("wal/0", [bytes]);
    linkThenSay(code, true);
    answerStats(() => {
      throw failure("EIO");
    });
    const error = await rejection(store.putIfAbsent("wal/1", [bytes]));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toMatchObject({ retryable: true });
  });

  it("that the file system cannot make is refused with what is needed", async () => {
    linkThenSay("ENOTSUP", false);
    expect(String(await rejection(store.putIfAbsent("wal/1", [bytes])))).toMatch(/hard links.*ext4/);
  });
});

describe("bytes", () => {
  it("are written wholly by a system that takes few at a time", async () => {
    const real = fs.writevSync;
    const spy = vi.spyOn(fs, "writevSync").mockImplementation((fd, buffers, position) => {
      const [first = new Uint8Array()] = buffers;
      const view = new Uint8Array(first.buffer, first.byteOffset, first.byteLength);
      return real(fd, view.byteLength > 2 ? [view.subarray(0, 2)] : buffers.slice(0, 2), position);
    });
    syncBuiltinESMExports();
    const parts = [
      new Uint8Array([1, 2, 3, 4, 5]),
      new Uint8Array([6]),
      new Uint8Array(),
      new Uint8Array([7, 8]),
      new Uint8Array([9]),
    ];
    await store.putIfAbsent("a", parts);
    expect([...(await store.get("a"))]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(spy.mock.calls.length).toBeGreaterThan(3);
  });

  it("that a system takes none of are a failure, not an endless loop", async () => {
    vi.spyOn(fs, "writevSync").mockReturnValue(0);
    syncBuiltinESMExports();
    expect(await rejection(store.putIfAbsent("a", [bytes]))).toBeInstanceOf(StorageError);
  });

  it("are read wholly by a system that gives few at a time, and never fewer than there were", async () => {
    await store.putIfAbsent("a", [new Uint8Array([1, 2, 3, 4, 5])]);
    const path = join(directory, "a");
    const real = fs.readSync;
    const spy = vi.spyOn(fs, "readSync").mockImplementation((...args: unknown[]) => {
      const [fd, buffer, offset, length, position] = args;
      return Reflect.apply(real, fs, [fd, buffer, offset, Math.min(Number(length), 2), position]);
    });
    syncBuiltinESMExports();
    expect([...(await store.get("a"))]).toEqual([1, 2, 3, 4, 5]);
    expect([...(await store.getRange("a", 1, 4))]).toEqual([2, 3, 4]);
    spy.mockReturnValue(0);
    expect(await rejection(store.get("a"))).toBeInstanceOf(StorageError);
    expect(existsSync(path)).toBe(true);
  });

  it("of an object that is too large to be got at once are got in ranges", async () => {
    const path = join(directory, "sparse");
    writeFileSync(path, "");
    fs.truncateSync(path, MAX_OBJECT_BYTES + 5);
    expect(await rejection(store.get("sparse"))).toBeInstanceOf(UsageError);
    expect(await store.getRange("sparse", MAX_OBJECT_BYTES, MAX_OBJECT_BYTES + 9)).toEqual(new Uint8Array(5));
  });
});
