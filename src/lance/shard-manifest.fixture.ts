/**
 * Shard manifests for property tests: any that can be stored, with fields that nobody knows at every level.
 *
 * @module
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import type { ShardFieldEntry, ShardManifest, SsTable } from "./shard-manifest.js";

/** Field numbers of the messages that are known; 5 and 7 of a manifest are retired, so unknown. */
const KNOWN = {
  manifest: [1, 2, 3, 4, 6, 8, 10, 11, 14, 15],
  ssTable: [1, 2, 3, 4, 5],
  fieldEntry: [1, 2],
  uuid: [1],
};

/** A field of any number and wire type, tag included. */
function unknownField(known: readonly number[]): fc.Arbitrary<Uint8Array> {
  const number = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2 ** 29 - 1 }));
  const value = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.uint8Array({ maxLength: 300 }),
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.constant("group" as const),
  );
  return fc
    .tuple(
      number.filter((n) => !known.includes(n)),
      value,
      fc.boolean(),
    )
    .map(([n, v, fixed]) => {
      const writer = new BinaryWriter();
      if (typeof v === "bigint") {
        return (fixed ? writer.tag(n, WireType.Bit64).fixed64(v) : writer.tag(n, WireType.Varint).uint64(v)).finish();
      }
      if (v === "group") {
        return writer.tag(n, WireType.StartGroup).tag(1, WireType.Varint).uint32(7).tag(n, WireType.EndGroup).finish();
      }
      if (v instanceof Uint8Array) return writer.tag(n, WireType.LengthDelimited).bytes(v).finish();
      if (Number.isInteger(v) && v >= -(2 ** 31) && v < 2 ** 31)
        return writer.tag(n, WireType.Bit32).sfixed32(v).finish();
      return writer.tag(n, WireType.Bit64).double(v).finish();
    });
}

function unknownFields(known: readonly number[]): fc.Arbitrary<Uint8Array> {
  return fc.array(unknownField(known), { maxLength: 3 }).map((fields) => Uint8Array.from(Buffer.concat(fields)));
}

const count = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const optionalCount = fc.option(count, { nil: undefined });
const anyText = fc.string({ unit: "grapheme", maxLength: 20 });

const ssTable: fc.Arbitrary<SsTable> = fc.record({
  generation: count,
  path: anyText,
  inMemoryBytes: optionalCount,
  physicalRows: optionalCount,
  primaryKeyBytes: optionalCount,
  unknown: unknownFields(KNOWN.ssTable),
});

const fieldEntry: fc.Arbitrary<ShardFieldEntry> = fc.record({
  fieldId: anyText,
  value: fc.uint8Array({ maxLength: 40 }),
  unknown: unknownFields(KNOWN.fieldEntry),
});

/** Any manifest that can be stored. */
export const anyShardManifest: fc.Arbitrary<ShardManifest> = fc.record({
  version: count,
  writerEpoch: count,
  replayAfter: count,
  lastSeen: count,
  currentGeneration: count,
  ssTables: fc.array(ssTable, { maxLength: 4 }),
  shardSpecId: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  shardId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fieldEntries: fc.array(fieldEntry, { maxLength: 3 }),
  status: fc.oneof(
    fc.constantFrom("active" as const, "sealed" as const),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).filter((status) => status !== 0 && status !== 1),
  ),
  unknown: unknownFields(KNOWN.manifest),
  shardIdUnknown: unknownFields(KNOWN.uuid),
});
