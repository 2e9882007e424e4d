import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import {
  bucketShardId,
  formatUuid,
  identityShardId,
  isUuid,
  parseUuid,
  UNSHARDED_SHARD_ID,
  uuidV5,
} from "./shard-id.js";

describe("UUIDs", () => {
  it("are written and read back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const text = formatUuid(bytes);
        expect(isUuid(text)).toBe(true);
        expect(parseUuid(text)).toEqual(bytes);
      }),
    );
  });

  it("of version 5 are those of RFC 9562, appendix A.4", () => {
    const dns = parseUuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    expect(uuidV5(dns, Buffer.from("www.example.com"))).toBe("2ed6657d-e927-568b-95e1-2665a8aea6a2");
  });

  it("in any other form are refused", () => {
    for (const text of [
      "",
      "aa48498dac9159e2845269f46010ace2",
      "AA48498D-AC91-59E2-8452-69F46010ACE2",
      "aa48498d-ac91-59e2-8452-69f46010ace2\n",
      "{aa48498d-ac91-59e2-8452-69f46010ace2}",
    ]) {
      expect(isUuid(text)).toBe(false);
      expect(() => parseUuid(text)).toThrow(UsageError);
    }
    expect(() => formatUuid(new Uint8Array(15))).toThrow(UsageError);
  });
});

describe("ids of shards", () => {
  it("are those of LanceDB", () => {
    expect(UNSHARDED_SHARD_ID).toBe("aa48498d-ac91-59e2-8452-69f46010ace2");
  });

  it("differ from each other", () => {
    const ids = [UNSHARDED_SHARD_ID, identityShardId(Buffer.from("unsharded")), identityShardId(new Uint8Array())];
    for (let bucket = 0; bucket < 1024; bucket++) ids.push(bucketShardId(bucket));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("are not made of buckets that cannot be", () => {
    for (const bucket of [-1, 1024, 0.5, Number.NaN]) expect(() => bucketShardId(bucket)).toThrow(UsageError);
  });
});
