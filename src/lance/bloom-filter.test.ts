import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Int64, LargeUtf8, type Vector, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { CorruptError, UsageError } from "../errors.js";
import { decodeKeyFilter, encodeKeyFilter, encodeLanceFilter, readKeyFilter } from "./bloom-filter.js";
import { KeyHasher } from "./key-hasher.js";
import { SplitBlockFilter } from "./split-block-filter.js";

function hashesOf(vector: Vector): Uint32Array {
  const hashes = new Uint32Array(2 * vector.length);
  KeyHasher.forPennon([vector.type]).hash(vector.data, vector.length, hashes);
  return hashes;
}

function longs(from: number, count: number): Uint32Array {
  return hashesOf(
    vectorFromArray(
      Array.from({ length: count }, (_, i) => BigInt(from + i)),
      new Int64(),
    ),
  );
}

/** Of these hashes, the part that may be there. */
function held(filter: { mightHold(low: number, high: number): boolean }, hashes: Uint32Array): number {
  let found = 0;
  for (let i = 0; i < hashes.length; i += 2) if (filter.mightHold(hashes[i] ?? 0, hashes[i + 1] ?? 0)) found++;
  return found / (hashes.length / 2);
}

describe("our filter", () => {
  it.each([1, 20, 8_192, 100_000])("of %i keys knows them all, and at most 1 % of others", (keys) => {
    const file = encodeKeyFilter(longs(0, keys));
    const filter = decodeKeyFilter(file, "it");
    expect(filter.keys).toBe(keys);
    expect(held(filter, longs(0, keys))).toBe(1);
    expect(held(filter, longs(1_000_000, 100_000))).toBeLessThanOrEqual(0.01);
    expect(file.length).toBeLessThanOrEqual(96 + 1.6 * keys);
  });

  it("holds large keys too, for which LanceDB's holds nothing", () => {
    const keys = vectorFromArray(["a", "b", "c"], new LargeUtf8());
    const hashes = hashesOf(keys);
    expect(held(decodeKeyFilter(encodeKeyFilter(hashes), "it"), hashes)).toBe(1);
    const lance = new Uint32Array(6);
    KeyHasher.forLance([keys.type]).hash(keys.data, 3, lance);
    expect(new Set(lance).size).toBe(2);
    expect(new Set(hashes).size).toBe(6);
  });

  it("is refused with any bit turned", () => {
    const file = encodeKeyFilter(longs(0, 50));
    for (let byte = 0; byte < file.length; byte++) {
      const damaged = Uint8Array.from(file);
      damaged[byte] = (damaged[byte] ?? 0) ^ (1 << (byte % 8));
      expect(() => decodeKeyFilter(damaged, "it")).toThrow(CorruptError);
    }
    for (const length of [0, 31, 32, 63, file.length - 1]) {
      expect(() => decodeKeyFilter(file.subarray(0, length), "it")).toThrow(CorruptError);
    }
  });

  it("is read from the directory of an SSTable, when it is there", async () => {
    const directory = mkdtempSync(join(tmpdir(), "pennon-filter-"));
    try {
      expect(await readKeyFilter(directory)).toBeUndefined();
      writeFileSync(join(directory, "pennon_filter.bin"), encodeKeyFilter(longs(0, 3)));
      expect((await readKeyFilter(directory))?.keys).toBe(3);
      writeFileSync(join(directory, "pennon_filter.bin"), "PENNONBF");
      await expect(readKeyFilter(directory)).rejects.toThrow(CorruptError);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("LanceDB's filter", () => {
  it("has 1024 blocks whatever the number of keys, and knows them all", () => {
    for (const keys of [1, 100_000]) {
      const file = encodeLanceFilter(longs(0, keys));
      expect(file.length).toBe(32_768);
      const filter = new SplitBlockFilter(new Uint32Array(Uint8Array.from(file).buffer));
      expect(held(filter, longs(0, keys))).toBe(1);
    }
  });
});

describe("keys of no known kind", () => {
  it("are refused", () => {
    const keys = vectorFromArray([1.5]);
    expect(() => KeyHasher.forPennon([keys.type])).toThrow(UsageError);
    expect(() => KeyHasher.forPennon([new Int64()]).hash([], 1, new Uint32Array(2))).toThrow(UsageError);
  });
});
