/**
 * What every object store must do: one suite, run against each of them.
 */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClosedError, UsageError } from "../errors.js";
import {
  type ListOptions,
  MAX_OBJECT_BYTES,
  ObjectExistsError,
  ObjectNotFoundError,
  type ObjectStore,
} from "./object-store.js";

/** A fresh, empty store, and how to be rid of it with all it holds. */
export interface ContractSubject {
  readonly store: ObjectStore;
  close(): Promise<void>;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Bytes that no shift or swap of parts leaves as they are. */
function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.byteLength).toBe(expected.byteLength);
  // Buffer.compare is a thousand times faster than toEqual.
  expect(Buffer.compare(actual, expected)).toBe(0);
}

async function keysOf(store: ObjectStore, prefix: string, options?: ListOptions): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix, options)) keys.push(key);
  return keys;
}

const ODD_KEYS = [
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "a/../b",
  "a/./b",
  ".hidden",
  "a/.tmp-1-000000000000-0",
  "a.",
  "a/b.",
  "a b",
  "a\\b",
  "C:a",
  "a:b",
  "a*",
  "ä",
  "a\n",
  "a\u0000b",
  "a%2fb",
  "con",
  "NUL.txt",
  "x/Com1",
  "lpt9.arrow",
  "a".repeat(256),
  "1/2/3/4/5/6/7/8/9",
];

const FINE_KEYS = [
  "a",
  "A-1_b.c=d",
  "_",
  "-",
  "=",
  "a..b",
  "com",
  "com10",
  "console",
  "nul-1",
  "x".repeat(255),
  "1/2/3/4/5/6/7/8",
];

/**
 * @param name of the implementation
 * @param make a fresh, empty store
 */
export function objectStoreContract(name: string, make: () => Promise<ContractSubject>): void {
  describe(`${name} as an object store`, () => {
    let subject: ContractSubject;
    let store: ObjectStore;

    beforeEach(async () => {
      subject = await make();
      store = subject.store;
    });
    afterEach(() => subject.close());

    describe("putIfAbsent", () => {
      it.each([true, false])("creates an object, once (durable: %s)", async (durable) => {
        await store.putIfAbsent("wal/1.arrow", [bytesOf("one")], { durable });
        await expect(store.putIfAbsent("wal/1.arrow", [bytesOf("two")], { durable })).rejects.toThrow(
          ObjectExistsError,
        );
        expectSame(await store.get("wal/1.arrow"), bytesOf("one"));
        expect(await keysOf(store, "")).toEqual(["wal/1.arrow"]);
      });

      it("is won by one of many at once, whose bytes are whole", async () => {
        const racers = Array.from({ length: 12 }, (_, i) => pattern(1000 + i, i + 1));
        const outcomes = await Promise.allSettled(racers.map((bytes) => store.putIfAbsent("wal/1", [bytes])));
        const winners = outcomes.flatMap(({ status }, i) => (status === "fulfilled" ? [i] : []));
        expect(winners).toHaveLength(1);
        for (const outcome of outcomes)
          if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(ObjectExistsError);
        expectSame(await store.get("wal/1"), racers[winners[0] ?? -1] ?? new Uint8Array());
      });

      it("creates it again after it was deleted", async () => {
        await store.putIfAbsent("a", [bytesOf("one")]);
        await store.delete("a");
        await store.putIfAbsent("a", [bytesOf("two")]);
        expectSame(await store.get("a"), bytesOf("two"));
      });

      it("takes no parts, empty parts, and any mixture, as the empty object or their sum", async () => {
        await store.putIfAbsent("none", []);
        await store.putIfAbsent("empty", [new Uint8Array(), new Uint8Array()]);
        await store.putIfAbsent("mixed", [
          new Uint8Array(),
          bytesOf("a"),
          new Uint8Array(),
          bytesOf("bc"),
          new Uint8Array(),
        ]);
        expect((await store.get("none")).byteLength).toBe(0);
        expect(await store.head("empty")).toEqual({ key: "empty", bytes: 0 });
        expectSame(await store.get("mixed"), bytesOf("abc"));
      });

      it("takes parts that lie in shared memory, slices and views of them included", async () => {
        const shared = new Uint8Array(new SharedArrayBuffer(1000));
        shared.set(pattern(1000));
        const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
        new Uint8Array(memory.buffer).set(pattern(5000, 2));
        const inMemory = new Uint8Array(memory.buffer, 13, 4001);
        await store.putIfAbsent("a", [shared.subarray(3, 500), bytesOf("between"), inMemory]);
        expectSame(
          await store.get("a"),
          Buffer.concat([pattern(1000).subarray(3, 500), bytesOf("between"), pattern(5000, 2).subarray(13, 4014)]),
        );
      });

      it("takes more parts than a system does in one call", async () => {
        const whole = pattern(3 * 4097);
        const parts = Array.from({ length: 4097 }, (_, i) => whole.subarray(3 * i, 3 * i + 3));
        await store.putIfAbsent("a", parts);
        expectSame(await store.get("a"), whole);
      });

      it("takes an object larger than any log entry", async () => {
        const part = pattern(1 << 20);
        const count = 70;
        await store.putIfAbsent("big", new Array<Uint8Array>(count).fill(part));
        expect(await store.head("big")).toEqual({ key: "big", bytes: count << 20 });
        const whole = await store.get("big");
        for (let i = 0; i < count; i++) expect(Buffer.compare(whole.subarray(i << 20, (i + 1) << 20), part)).toBe(0);
      });

      it("refuses more than an object may hold, and writes nothing", async () => {
        const half = new Uint8Array(new SharedArrayBuffer(0x1000_0000));
        const parts = [half, half, half, half, half.subarray(0, 1)];
        expect(parts.reduce((sum, part) => sum + part.byteLength, 0)).toBe(MAX_OBJECT_BYTES + 1);
        await expect(store.putIfAbsent("a", parts)).rejects.toThrow(UsageError);
        expect(await keysOf(store, "")).toEqual([]);
      });
    });

    describe("put", () => {
      it("creates an object, and replaces it", async () => {
        await store.put("manifest/hint.json", [bytesOf("1"), bytesOf("23")]);
        expectSame(await store.get("manifest/hint.json"), bytesOf("123"));
        await store.put("manifest/hint.json", [bytesOf("4")]);
        expectSame(await store.get("manifest/hint.json"), bytesOf("4"));
        expect(await keysOf(store, "")).toEqual(["manifest/hint.json"]);
      });

      it("takes the key, so that putIfAbsent fails", async () => {
        await store.put("a", []);
        await expect(store.putIfAbsent("a", [])).rejects.toThrow(ObjectExistsError);
      });
    });

    describe("get", () => {
      it("rejects when there is no such object, at any depth, or only more parts follow", async () => {
        await store.putIfAbsent("a/b/c", [bytesOf("x")]);
        for (const key of ["b", "a", "a/b", "a/b/d", "a/b/c/d"]) {
          await expect(store.get(key)).rejects.toThrow(ObjectNotFoundError);
          await expect(store.getRange(key, 0, 1)).rejects.toThrow(ObjectNotFoundError);
          await expect(store.getRange(key, 0, 0)).rejects.toThrow(ObjectNotFoundError);
        }
      });

      it("returns bytes of its own", async () => {
        const source = bytesOf("abc");
        await store.putIfAbsent("a", [source]);
        source.fill(0);
        const first = await store.get("a");
        expect(first.byteLength).toBe(first.buffer.byteLength);
        first.fill(0);
        expectSame(await store.get("a"), bytesOf("abc"));
        expect(first.slice(0, 1).buffer).not.toBe(first.buffer);
      });

      it("reads into memory that it is given, shared or not, and returns the view", async () => {
        await store.putIfAbsent("a", [bytesOf("abcdef")]);
        for (const buffer of [new ArrayBuffer(16), new SharedArrayBuffer(16)]) {
          const asked: number[] = [];
          const into = (bytes: number): Uint8Array => {
            asked.push(bytes);
            return new Uint8Array(buffer, 4, 10);
          };
          const whole = await store.get("a", { into });
          expect(whole.buffer).toBe(buffer);
          expect(whole.byteOffset).toBe(4);
          expectSame(whole, bytesOf("abcdef"));
          expectSame(await store.getRange("a", 1, 3, { into }), bytesOf("bc"));
          expect(asked).toEqual([6, 2]);
          expectSame(new Uint8Array(buffer), bytesOf("\0\0\0\0bccdef\0\0\0\0\0\0"));
        }
      });

      it("refuses memory that is too small", async () => {
        await store.putIfAbsent("a", [bytesOf("abc")]);
        await expect(store.get("a", { into: () => new Uint8Array(2) })).rejects.toThrow(UsageError);
      });
    });

    describe("getRange", () => {
      it("returns the bytes there are of the range", async () => {
        await store.putIfAbsent("a", [bytesOf("abcdef")]);
        const range = async (start: number, end: number): Promise<string> =>
          new TextDecoder().decode(await store.getRange("a", start, end));
        expect(await range(0, 6)).toBe("abcdef");
        expect(await range(0, 1)).toBe("a");
        expect(await range(5, 6)).toBe("f");
        expect(await range(2, 4)).toBe("cd");
        expect(await range(3, 3)).toBe("");
        expect(await range(0, 100)).toBe("abcdef");
        expect(await range(5, 100)).toBe("f");
        expect(await range(6, 100)).toBe("");
        expect(await range(2 ** 40, 2 ** 40 + 1)).toBe("");
      });

      it.each([
        [-1, 1],
        [2, 1],
        [0.5, 1],
        [0, 1.5],
        [Number.NaN, 1],
        [0, Number.POSITIVE_INFINITY],
        [0, 2 ** 53],
        [0, MAX_OBJECT_BYTES + 1],
      ])("refuses [%s, %s)", async (start, end) => {
        await store.putIfAbsent("a", [bytesOf("abc")]);
        await expect(store.getRange("a", start, end)).rejects.toThrow(UsageError);
      });
    });

    describe("head", () => {
      it("tells of an object, and of none", async () => {
        await store.putIfAbsent("a/b", [bytesOf("abc")]);
        expect(await store.head("a/b")).toEqual({ key: "a/b", bytes: 3 });
        for (const key of ["a", "b", "a/c", "a/b/c"]) expect(await store.head(key)).toBeUndefined();
      });
    });

    describe("list", () => {
      it("tells of nothing where nothing is", async () => {
        expect(await keysOf(store, "")).toEqual([]);
        expect(await keysOf(store, "wal/")).toEqual([]);
        await store.putIfAbsent("wal", []);
        expect(await keysOf(store, "wal/")).toEqual([]);
      });

      it("is in the order of the bytes of whole keys", async () => {
        const ordered = ["-", "A", "_", "a", "a-b", "a-b.c", "b-c/d", "b.c/d", "b/-", "b/0/z", "b/c", "b0", "b=/a"];
        expect([...ordered].sort()).toEqual(ordered);
        for (const key of [...ordered].reverse()) await store.put(key, [bytesOf(key)]);
        expect(await keysOf(store, "")).toEqual(ordered);
        const infos = [];
        for await (const info of store.list("b/")) infos.push(info);
        expect(infos).toEqual(["b/-", "b/0/z", "b/c"].map((key) => ({ key })));
      });

      it("takes a prefix as whole parts", async () => {
        for (const key of ["wal/1", "wal-old/1", "wal/2/3", "walnut", "x/wal/1"]) await store.put(key, []);
        expect(await keysOf(store, "wal/")).toEqual(["wal/1", "wal/2/3"]);
        expect(await keysOf(store, "wal/2/")).toEqual(["wal/2/3"]);
        expect(await keysOf(store, "x/")).toEqual(["x/wal/1"]);
      });

      it("starts after a key, there or not, and stops at the limit", async () => {
        const keys = ["a/1", "a/2", "a/3/x", "a/3/y", "a/4"];
        for (const key of keys) await store.put(key, []);
        expect(await keysOf(store, "", { startAfter: "a/2" })).toEqual(keys.slice(2));
        expect(await keysOf(store, "a/", { startAfter: "a/3" })).toEqual(keys.slice(2));
        expect(await keysOf(store, "a/", { startAfter: "a/3/x" })).toEqual(keys.slice(3));
        expect(await keysOf(store, "a/", { startAfter: "a/3/xx" })).toEqual(keys.slice(3));
        expect(await keysOf(store, "a/", { startAfter: "a/4" })).toEqual([]);
        expect(await keysOf(store, "a/", { startAfter: "Z" })).toEqual(keys);
        expect(await keysOf(store, "", { limit: 2 })).toEqual(keys.slice(0, 2));
        expect(await keysOf(store, "", { limit: 100 })).toEqual(keys);
        expect(await keysOf(store, "", { limit: 0 })).toEqual([]);
        expect(await keysOf(store, "", { startAfter: "a/1", limit: 2 })).toEqual(keys.slice(1, 3));
      });

      it("equals filtering and sorting all keys, whatever they are", async () => {
        const part = fc.string({ unit: fc.constantFrom("a", "b", "-", ".", "=", "Z"), minLength: 1, maxLength: 3 });
        const sound = part.filter((text) => !text.startsWith(".") && !text.endsWith("."));
        const key = fc.array(sound, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
        await fc.assert(
          fc.asyncProperty(fc.uniqueArray(key, { maxLength: 12 }), key, fc.nat(12), async (keys, startAfter, limit) => {
            // What is a key cannot be the beginning of another: a file is no directory.
            const apart = keys.filter((one) => !keys.some((other) => one.startsWith(`${other}/`)));
            for (const one of apart) await store.put(one, []);
            const expected = [...apart].sort();
            expect(await keysOf(store, "")).toEqual(expected);
            expect(await keysOf(store, "", { startAfter, limit })).toEqual(
              expected.filter((one) => one > startAfter).slice(0, limit),
            );
            const prefix = `${startAfter}/`;
            expect(await keysOf(store, prefix)).toEqual(expected.filter((one) => one.startsWith(prefix)));
            for await (const info of store.list("")) await store.delete(info.key);
            await subject.close();
            subject = await make();
            store = subject.store;
          }),
          { numRuns: 30 },
        );
      });

      it("goes on while objects come and go", async () => {
        for (let i = 0; i < 10; i++) await store.put(`a/${i}`, []);
        const seen: string[] = [];
        for await (const { key } of store.list("a/")) {
          seen.push(key);
          if (key === "a/3") for (const gone of ["a/4", "a/5"]) await store.delete(gone);
          if (key === "a/3") await store.put("a/10", []);
        }
        expect(seen.filter((key) => !["a/4", "a/5", "a/10"].includes(key))).toEqual(
          [0, 1, 2, 3, 6, 7, 8, 9].map((i) => `a/${i}`),
        );
      });
    });

    describe("delete", () => {
      it("removes the object alone, and does nothing the second time", async () => {
        await store.put("a/b", []);
        await store.put("a/c", []);
        await store.delete("a/b");
        await store.delete("a/b");
        expect(await store.head("a/b")).toBeUndefined();
        expect(await keysOf(store, "")).toEqual(["a/c"]);
      });

      it("does nothing where there is no object", async () => {
        await store.put("a/b", []);
        for (const key of ["x", "x/y", "a", "a/b/c"]) await store.delete(key);
        expect(await keysOf(store, "")).toEqual(["a/b"]);
      });
    });

    describe("sync", () => {
      it("takes objects that are there, however often", async () => {
        await store.putIfAbsent("a/1", [bytesOf("x")], { durable: false });
        await store.putIfAbsent("a/2", [bytesOf("y")], { durable: false });
        await store.putIfAbsent("b", [], { durable: true });
        await store.sync([]);
        await store.sync(["a/1", "a/2", "a/1", "b"]);
        await store.sync(["a/1"]);
        expect(await keysOf(store, "")).toEqual(["a/1", "a/2", "b"]);
      });

      it("rejects when one is gone", async () => {
        await store.putIfAbsent("a/1", [], { durable: false });
        await expect(store.sync(["a/1", "a/2"])).rejects.toThrow(ObjectNotFoundError);
        await expect(store.sync(["b/1"])).rejects.toThrow(ObjectNotFoundError);
      });
    });

    describe("keys", () => {
      it.each(ODD_KEYS.map((key) => [JSON.stringify(key), key]))("refuses %s", async (_, key) => {
        const calls: (() => Promise<unknown>)[] = [
          () => store.putIfAbsent(key, [bytesOf("x")]),
          () => store.put(key, [bytesOf("x")]),
          () => store.get(key),
          () => store.getRange(key, 0, 1),
          () => store.head(key),
          () => store.delete(key),
          () => store.sync([key]),
          () => keysOf(store, key === "" || key === "/" ? "//" : `${key}/`),
        ];
        for (const call of calls) await expect(call()).rejects.toThrow(UsageError);
        expect(await keysOf(store, "")).toEqual([]);
      });

      it.each(FINE_KEYS)("takes %s", async (key) => {
        await store.putIfAbsent(key, [bytesOf(key)]);
        expectSame(await store.get(key), bytesOf(key));
        expect(await keysOf(store, "")).toEqual([key]);
      });

      it.each(["a", "a/b", "/", "a//", "../", "a/../", ".x/"])("refuses %s as a prefix", async (prefix) => {
        await expect(keysOf(store, prefix)).rejects.toThrow(UsageError);
      });

      it.each([-1, 1.5, Number.NaN])("refuses %s as a limit", async (limit) => {
        await expect(keysOf(store, "", { limit })).rejects.toThrow(UsageError);
      });
    });

    it("honours a signal before the request, with its reason", async () => {
      await store.put("a", []);
      const signal = AbortSignal.abort("enough");
      const calls: (() => Promise<unknown>)[] = [
        () => store.putIfAbsent("b", [], { signal }),
        () => store.put("a", [bytesOf("x")], { signal }),
        () => store.get("a", { signal }),
        () => store.getRange("a", 0, 1, { signal }),
        () => store.head("a", { signal }),
        () => store.delete("a", { signal }),
        () => store.sync(["a"], { signal }),
        () => keysOf(store, "", { signal }),
      ];
      for (const call of calls) await expect(call()).rejects.toBe("enough");
      expect(await keysOf(store, "")).toEqual(["a"]);
      expect(await store.head("a")).toEqual({ key: "a", bytes: 0 });
    });

    it("refuses everything once it is closed, and can be closed again", async () => {
      await store.put("a", []);
      await store.close();
      await store.close();
      const calls: (() => Promise<unknown>)[] = [
        () => store.putIfAbsent("b", []),
        () => store.put("a", []),
        () => store.get("a"),
        () => store.getRange("a", 0, 1),
        () => store.head("a"),
        () => store.delete("a"),
        () => store.sync(["a"]),
        () => keysOf(store, ""),
      ];
      for (const call of calls) await expect(call()).rejects.toThrow(ClosedError);
    });
  });
}
