import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CorruptError, UsageError } from "../errors.js";
import { parseUuid, UNSHARDED_SHARD_ID } from "./shard-id.js";
import { anyShardManifest } from "./shard-manifest.fixture.js";
import { decodeShardManifest, encodeShardManifest, newShardManifest, type ShardManifest } from "./shard-manifest.js";

/** As LanceDB 0.39 wrote it: the claim of a new shard, and the same shard with one SSTable. */
const CLAIMED = Buffer.from("08011001300150015a120a10aa48498dac9159e2845269f46010ace2", "hex");
const FLUSHED = Buffer.from(
  "0802100118052005300242190801120e62306432663933325f67656e5f311893022005282850015a120a10aa48498dac9159e2845269f46010ace2",
  "hex",
);

const shardId = parseUuid(UNSHARDED_SHARD_ID);
const fresh: ShardManifest = { ...newShardManifest(shardId, 1), version: 1, writerEpoch: 1 };
const decode = (bytes: Uint8Array): ShardManifest => decodeShardManifest(bytes, "manifest/1.binpb");

/** The fields of a message, tags included, in the order in which they stand. */
function fieldsOf(message: Uint8Array): string[] {
  const reader = new BinaryReader(message);
  const fields: string[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, type] = reader.tag();
    reader.skip(type, number);
    fields.push(`${number}:${Buffer.from(message.subarray(start, reader.pos)).toString("hex")}`);
  }
  return fields;
}

describe("shard manifest", () => {
  it("is written and read back, whatever it holds", () => {
    fc.assert(
      fc.property(anyShardManifest, (manifest) => {
        expect(decode(encodeShardManifest(manifest))).toEqual(manifest);
      }),
    );
  });

  it("reads and writes what LanceDB wrote", () => {
    expect(decode(CLAIMED)).toEqual(fresh);
    expect(decode(FLUSHED)).toEqual({
      ...fresh,
      version: 2,
      replayAfter: 5,
      lastSeen: 5,
      currentGeneration: 2,
      ssTables: [
        {
          generation: 1,
          path: "b0d2f932_gen_1",
          inMemoryBytes: 275,
          physicalRows: 5,
          primaryKeyBytes: 40,
          unknown: new Uint8Array(),
        },
      ],
    });
    for (const bytes of [CLAIMED, FLUSHED]) expect(Buffer.from(encodeShardManifest(decode(bytes)))).toEqual(bytes);
  });

  it("keeps the fields it does not know, wherever they stand among the others", () => {
    fc.assert(
      fc.property(anyShardManifest, fc.nat(), (manifest, turn) => {
        const written = encodeShardManifest(manifest);
        const fields = fieldsOf(written);
        // The order of fields is free, but for those that repeat.
        const rotated = [...fields.slice(turn % (fields.length || 1)), ...fields.slice(0, turn % (fields.length || 1))];
        const bytes = Buffer.from(rotated.map((field) => field.slice(field.indexOf(":") + 1)).join(""), "hex");
        const rewritten = encodeShardManifest({ ...decode(bytes), version: manifest.version });
        expect(fieldsOf(rewritten).toSorted()).toEqual(fields.toSorted());
      }),
    );
  });

  it("takes the last of a field that stands twice, and both halves of a message", () => {
    const twice = new BinaryWriter().raw(CLAIMED).tag(2, WireType.Varint).uint32(7);
    twice.tag(11, WireType.LengthDelimited).bytes(Uint8Array.of(0x10, 0x05));
    const manifest = decode(twice.finish());
    expect(manifest).toEqual({ ...fresh, writerEpoch: 7, shardIdUnknown: Uint8Array.of(0x10, 0x05) });
  });

  it("keeps nothing of the bytes it was read from", () => {
    const bytes = Uint8Array.from(FLUSHED);
    const manifest = decode(bytes);
    bytes.fill(0xff);
    expect(manifest).toEqual(decode(FLUSHED));
  });

  it("refuses numbers that cannot be told exactly", () => {
    const epoch = (value: bigint) => new BinaryWriter().raw(CLAIMED).tag(2, WireType.Varint).uint64(value).finish();
    expect(decode(epoch(2n ** 53n - 1n)).writerEpoch).toBe(2 ** 53 - 1);
    for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n])
      expect(() => decode(epoch(value))).toThrow(CorruptError);
    for (const wrong of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => encodeShardManifest({ ...fresh, replayAfter: wrong })).toThrow(UsageError);
    }
  });

  it.each([
    ["nothing at all", Buffer.alloc(0)],
    ["no shard id", Buffer.from("0801100130015001", "hex")],
    ["a shard id of 15 bytes", Buffer.from("08011001300150015a110a0faa48498dac9159e2845269f46010ac", "hex")],
    ["an SSTable that is cut off", Buffer.concat([CLAIMED, Buffer.from("42190801", "hex")])],
    ["text where a number belongs", Buffer.concat([CLAIMED, Buffer.from("120161", "hex")])],
    ["a number where a message belongs", Buffer.concat([CLAIMED, Buffer.from("4001", "hex")])],
    ["a path that is no UTF-8", Buffer.concat([CLAIMED, Buffer.from("42031201ff", "hex")])],
    ["a spec id of more than 32 bits", Buffer.concat([CLAIMED, Buffer.from("50ffffffff7f", "hex")])],
    ["a status of more than 32 bits", Buffer.concat([CLAIMED, Buffer.from("78ffffffff7f", "hex")])],
    ["a number without end", Buffer.concat([CLAIMED, Buffer.alloc(12, 0xff)])],
    ["field 0", Buffer.concat([CLAIMED, Buffer.from("0001", "hex")])],
    ["the end of a group that never began", Buffer.concat([CLAIMED, Buffer.from("3c", "hex")])],
    ["JSON", Buffer.from('{"version":1}')],
  ])("names the file when it holds %s", (_, bytes) => {
    expect(() => decode(bytes)).toThrow(CorruptError);
    expect(() => decode(bytes)).toThrow("manifest/1.binpb");
  });

  it("decodes or refuses any bytes, and never reads beyond them", () => {
    const mutated = fc
      .tuple(
        anyShardManifest.map(encodeShardManifest),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
        fc.nat(),
      )
      .map(([bytes, changes, cut]) => {
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return changes.length % 2 === 0 ? bytes : bytes.subarray(0, cut % (bytes.length + 1));
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        let manifest: ShardManifest;
        try {
          manifest = decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
          return;
        }
        expect(decode(encodeShardManifest(manifest))).toEqual(manifest);
      }),
      { numRuns: 500 },
    );
  });
});
