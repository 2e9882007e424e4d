import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Field, Int32, Int64, Schema, Utf8 } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lanceDatabase, lanceShards, lanceUpsert, makeLanceTable } from "../../test/lancedb.js";
import { CorruptError, UsageError } from "../errors.js";
import { MemoryStore } from "../storage/memory-store.js";
import { bucketOf } from "./bucket.js";
import { memWalIndexOf, readMemWalIndex } from "./mem-wal-index.js";
import { bucketShardId, identityShardId, UNSHARDED_SHARD_ID } from "./shard-id.js";

const schema = new Schema([
  new Field("id", new Int64(), false),
  new Field("part", new Utf8(), false),
  new Field("text", new Utf8(), true),
]);

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pennon-index-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

describe("the index of a table of LanceDB", () => {
  it("says how rows are sharded, and what writers are told", async () => {
    const writerConfig = { max_memtable_rows: "123456", max_memtable_batches: "7890", unheard_of: "ü" };
    const lance = await makeLanceTable(directory, { schema, primaryKey: ["id"], writerConfig });
    expect(await readMemWalIndex(lance.directory)).toEqual({
      tableVersion: 3,
      numShards: 1,
      shardingSpecs: [
        {
          id: 1,
          fields: [
            {
              fieldId: "bucket",
              sourceIds: [],
              transform: "unsharded",
              expression: undefined,
              resultType: "int32",
              parameters: new Map(),
            },
          ],
        },
      ],
      maintainedIndexes: [],
      compacted: [],
      caughtUp: [],
      writerConfigDefaults: new Map(Object.entries({ max_wal_flush_interval_ms: "1", ...writerConfig })),
    });
    await lance.close();
  });

  it("is read from the newest version, whatever has changed since", async () => {
    const lance = await makeLanceTable(directory, { schema, primaryKey: ["id"] });
    for (let id = 1; id <= 12; id++) await lance.table.add([{ id: BigInt(id), part: "p", text: null }]);
    const index = await readMemWalIndex(lance.directory);
    expect(index?.tableVersion).toBe(15);
    expect(index?.tableVersion).toBe(await lance.table.version());
    expect(index?.writerConfigDefaults.get("max_wal_flush_interval_ms")).toBe("1");

    // The other naming scheme, in which 15 comes before 9.
    for (const name of readdirSync(join(lance.directory, "_versions"))) {
      const digits = /^(\d{20})\.manifest$/.exec(name)?.[1];
      if (digits === undefined) continue;
      const plain = `${2n ** 64n - 1n - BigInt(digits)}.manifest`;
      renameSync(join(lance.directory, "_versions", name), join(lance.directory, "_versions", plain));
    }
    expect(await readMemWalIndex(lance.directory)).toEqual(index);
    await lance.close();
  });

  it("names indexes that are maintained", async () => {
    const lance = await makeLanceTable(directory, { schema, primaryKey: ["id"] });
    await lance.table.unsetLsmWriteSpec();
    expect(await readMemWalIndex(lance.directory)).toBeUndefined();
    await lance.table.createIndex("part");
    await lance.table.setLsmWriteSpec({ specType: "unsharded" });
    const index = await readMemWalIndex(lance.directory);
    expect(index?.maintainedIndexes).toEqual(["part_idx"]);
    expect(index?.writerConfigDefaults).toEqual(new Map());
    await lance.close();
  });

  it("is not there in a table without a log", async () => {
    const database = await lanceDatabase(directory);
    await database.createTable("plain", [{ id: 1 }]);
    expect(await readMemWalIndex(join(directory, "plain.lance"))).toBeUndefined();
    database.close();
  });

  it("leads to the shards in which LanceDB puts values, by bucket", async () => {
    const types = { int32: new Int32(), int64: new Int64(), utf8: new Utf8() };
    const values = { int32: [1, 2, -7, 40], int64: [1n, 2n ** 40n, -5n, 77n], utf8: ["a", "été", "fünfzehn", ""] };
    for (const name of ["int32", "int64", "utf8"] as const) {
      const lance = await makeLanceTable(directory, {
        name,
        schema: new Schema([new Field("id", types[name], false)]),
        primaryKey: ["id"],
        sharding: { specType: "bucket", column: "id", numBuckets: 1021 },
      });
      const [spec] = (await readMemWalIndex(lance.directory))?.shardingSpecs ?? [];
      expect(spec?.fields[0]).toMatchObject({ transform: "bucket", resultType: "int32", sourceIds: [0] });
      expect(spec?.fields[0]?.parameters).toEqual(new Map([["num_buckets", "1021"]]));
      const expected = new Set<string>();
      for (const id of values[name]) {
        await lanceUpsert(lance.table, [{ id }]);
        await lance.table.closeLsmWriters();
        expected.add(bucketShardId(bucketOf(id, types[name], 1021)));
        expect(new Set(lanceShards(lance.directory))).toEqual(expected);
      }
      await lance.close();
    }
  });

  it("leads to the shards in which LanceDB puts values, by identity", async () => {
    const sharding = { specType: "identity", column: "part" } as const;
    const lance = await makeLanceTable(directory, { schema, primaryKey: ["id"], sharding });
    const [spec] = (await readMemWalIndex(lance.directory))?.shardingSpecs ?? [];
    expect(spec?.fields[0]).toMatchObject({ transform: "identity", resultType: "utf8", sourceIds: [1] });
    await lanceUpsert(lance.table, [{ id: 1n, part: "größe", text: null }]);
    expect(lanceShards(lance.directory)).toEqual([identityShardId(Buffer.from("größe"))]);
    await lance.close();
  });

  it("leads to one shard without sharding", async () => {
    const lance = await makeLanceTable(directory, { schema, primaryKey: ["id", "part"] });
    await lanceUpsert(lance.table, [{ id: 1n, part: "a", text: "b" }]);
    expect(lanceShards(lance.directory)).toEqual([UNSHARDED_SHARD_ID]);
    await lance.close();
  });
});

describe("a manifest of a base table", () => {
  const KEY = "_versions/18446744073709551614.manifest";
  const read = async (file: Uint8Array, key = KEY) => {
    const store = new MemoryStore();
    await store.putIfAbsent(key, [file]);
    return memWalIndexOf(store);
  };

  async function realManifest(): Promise<Buffer> {
    const lance = await makeLanceTable(directory, { schema, primaryKey: ["id"] });
    const versions = join(lance.directory, "_versions");
    const file = readFileSync(join(versions, "18446744073709551612.manifest"));
    await lance.close();
    return file;
  }

  /** A message with its length before it. */
  const framed = (message: Uint8Array): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(message.byteLength);
    return Buffer.concat([length, message]);
  };

  const footer = (offset: bigint): Buffer => {
    const bytes = Buffer.from("0000000000000000000002004c414e43", "hex");
    bytes.writeBigUInt64LE(offset);
    return bytes;
  };

  /** A manifest whose index has these details. */
  function made(details: Uint8Array, type = "/lance.table.MemWalIndexDetails", version = 1n): Buffer {
    const message = (write: (writer: BinaryWriter) => unknown) => {
      const writer = new BinaryWriter();
      write(writer);
      return writer.finish();
    };
    const any = message((w) =>
      w.tag(1, WireType.LengthDelimited).string(type).tag(2, WireType.LengthDelimited).bytes(details),
    );
    const index = message((w) =>
      w.tag(3, WireType.LengthDelimited).string("__lance_mem_wal").tag(6, WireType.LengthDelimited).bytes(any),
    );
    const section = framed(message((w) => w.tag(1, WireType.LengthDelimited).bytes(index)));
    const manifest = framed(
      message((w) => w.tag(3, WireType.Varint).uint64(version).tag(6, WireType.Varint).uint64(0)),
    );
    return Buffer.concat([section, manifest, footer(BigInt(section.byteLength))]);
  }

  it("is read wherever it lies", async () => {
    const index = await read(await realManifest());
    expect(index?.numShards).toBe(1);
    expect(await read(await realManifestCopy())).toEqual(index);
  });

  async function realManifestCopy(): Promise<Uint8Array> {
    // Bytes that do not begin where their buffer does.
    const name = readdirSync(directory).find((entry) => entry.endsWith(".lance")) ?? "";
    const file = readFileSync(join(directory, name, "_versions", "18446744073709551612.manifest"));
    return Uint8Array.from([7, 7, 7, ...file]).subarray(3);
  }

  it("may say how far shards are compacted", async () => {
    const uuid = Buffer.from("0a10aa48498dac9159e2845269f46010ace2", "hex");
    const compacted = Buffer.concat([Buffer.from("0a12", "hex"), uuid, Buffer.from("1009", "hex")]);
    const details = Buffer.concat([Buffer.from([0x4a, compacted.length]), compacted]);
    expect((await read(made(details)))?.compacted).toEqual([{ shardId: UNSHARDED_SHARD_ID, generation: 9 }]);
  });

  it("is named when it is damaged", async () => {
    const file = await realManifest();
    const tail = (offset: bigint) => Buffer.concat([file.subarray(0, -16), footer(offset)]);
    for (const damaged of [
      Buffer.alloc(0),
      file.subarray(0, -1),
      file.subarray(5),
      Buffer.from("LANC"),
      tail(BigInt(file.length)),
      tail(2n ** 63n),
      tail(1n),
      made(Buffer.from("3aff01", "hex")),
      made(Buffer.from("4a040a020a00", "hex")),
      made(Buffer.alloc(0), "/lance.index.pb.BTreeIndexDetails"),
      made(Buffer.alloc(0), undefined, 2n ** 53n),
    ]) {
      await expect(read(damaged)).rejects.toThrow(CorruptError);
      await expect(read(damaged)).rejects.toThrow(KEY);
    }
  });

  it("never leads beyond its bytes, whatever is changed in it", async () => {
    const file = await realManifest();
    for (let at = 0; at < file.length; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        const changed = Buffer.from(file);
        changed[at] = value;
        await read(changed).catch((error: unknown) => expect(error).toBeInstanceOf(CorruptError));
      }
    }
  });

  it("is missing where there is no table", async () => {
    await expect(readMemWalIndex(directory)).rejects.toThrow(UsageError);
    await expect(readMemWalIndex(join(directory, "nowhere"))).rejects.toThrow(/no Lance table/);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("may go while it is looked for", async () => {
    const store = new MemoryStore();
    const old = "_versions/18446744073709551613.manifest";
    await store.putIfAbsent(old, [Buffer.alloc(0)]);
    const reader = store.view({
      step: async ({ op, phase }) => {
        if (op !== "get" || phase !== "request") return;
        await store.delete(old);
        await store.put(KEY.replace("614", "612"), [made(Buffer.from("1003", "hex"))]);
      },
    });
    expect((await memWalIndexOf(reader))?.numShards).toBe(3);
  });
});
