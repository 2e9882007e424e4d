import { Field, Float64, Int32, RecordBatchStreamWriter, Schema, Utf8 } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decompressLz4Block } from "./lz4.js";
import { failure, outcome, readAll, rowsOf, streamOf } from "./sources.fixture.js";
import { decompressZstd } from "./zstd.js";

const LZ4 = 0;
const ZSTD = 1;

/** An LZ4 frame of one literal-and-match block: "abc" repeated. */
function lz4Frame(bytes: Uint8Array): Uint8Array {
  const period = bytes.length >= 12 && bytes.every((byte, i) => i < 4 || byte === bytes[i - 4]);
  const block = period ? lz4Repeat(bytes) : bytes;
  const size = new DataView(new ArrayBuffer(4));
  size.setUint32(0, period ? block.length : block.length + 0x80000000, true);
  return Buffer.concat([
    Buffer.from([4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]),
    new Uint8Array(size.buffer),
    block,
    new Uint8Array(4),
  ]);
}

/** Four literals, a match of distance 4, and a last sequence of literals, as the format demands. */
function lz4Repeat(bytes: Uint8Array): Uint8Array {
  const match = bytes.length - 4 - 5;
  const lengths: number[] = [];
  for (let rest = match - 4 - 15; rest >= 0; rest -= 255) lengths.push(Math.min(rest, 255));
  if (lengths.at(-1) === 255) lengths.push(0);
  const token = (4 << 4) | Math.min(match - 4, 15);
  return Buffer.concat([
    Buffer.from([token]),
    bytes.subarray(0, 4),
    Buffer.from([4, 0, ...lengths, 5 << 4]),
    bytes.subarray(-5),
  ]);
}

/** A zstd frame of one raw block, or one run-length block. */
function zstdFrame(bytes: Uint8Array): Uint8Array {
  const run = bytes.every((byte) => byte === bytes[0]);
  const header = Buffer.alloc(12);
  header.writeUInt32LE(0xfd2fb528, 0);
  header.writeUInt8(0xa0, 4);
  header.writeUInt32LE(bytes.length, 5);
  header.writeUIntLE((bytes.length << 3) | (run ? 2 : 0) | 1, 9, 3);
  return Buffer.concat([header, run ? bytes.subarray(0, 1) : bytes]);
}

function writeWords(fb: Buffer, at: number, words: number[]): void {
  for (const [index, word] of words.entries()) fb.writeUInt16LE(word, at + index * 2);
}

/** A record-batch message with compressed buffers, its flatbuffer laid out by hand. */
function batchMessage(
  codec: number,
  length: number,
  nodes: [number, number][],
  buffers: (Uint8Array | "stored")[],
  plain: Uint8Array[],
): Uint8Array {
  const parts = plain.map((bytes, index) => {
    if (bytes.length === 0) return bytes;
    const stored = buffers[index] === "stored";
    const head = Buffer.alloc(8);
    head.writeBigInt64LE(stored ? -1n : BigInt(bytes.length));
    return Buffer.concat([head, stored ? bytes : (buffers[index] as Uint8Array)]);
  });
  const nodesAt = 96;
  const buffersAt = nodesAt + 8 + nodes.length * 16;
  const total = (buffersAt + 8 + parts.length * 16 + 7) & ~7;
  const fb = Buffer.alloc(total);
  fb.writeUInt32LE(20, 0);
  writeWords(fb, 8, [12, 24, 4, 6, 8, 16]); // vtable of Message
  fb.writeInt32LE(12, 20);
  fb.writeInt16LE(4, 24);
  fb.writeUInt8(3, 26);
  fb.writeUInt32LE(56 - 28, 28);
  writeWords(fb, 44, [12, 24, 16, 4, 8, 12]); // vtable of RecordBatch
  fb.writeInt32LE(12, 56);
  fb.writeUInt32LE(nodesAt + 4 - 60, 60);
  fb.writeUInt32LE(buffersAt + 4 - 64, 64);
  fb.writeUInt32LE(88 - 68, 68);
  fb.writeBigInt64LE(BigInt(length), 72);
  writeWords(fb, 80, [8, 8, 4, 5]); // vtable of BodyCompression
  fb.writeInt32LE(8, 88);
  fb.writeInt8(codec, 92);
  fb.writeUInt32LE(nodes.length, nodesAt + 4);
  nodes.forEach(([rows, nulls], index) => {
    fb.writeBigInt64LE(BigInt(rows), nodesAt + 8 + index * 16);
    fb.writeBigInt64LE(BigInt(nulls), nodesAt + 16 + index * 16);
  });
  fb.writeUInt32LE(parts.length, buffersAt + 4);
  let body: Uint8Array = new Uint8Array(0);
  parts.forEach((part, index) => {
    fb.writeBigInt64LE(BigInt(body.length), buffersAt + 8 + index * 16);
    fb.writeBigInt64LE(BigInt(part.length), buffersAt + 16 + index * 16);
    body = Buffer.concat([body, part, new Uint8Array((8 - (part.length % 8)) % 8)]);
  });
  fb.writeBigInt64LE(BigInt(body.length), 36);
  const prefix = Buffer.alloc(8);
  prefix.writeInt32LE(-1, 0);
  prefix.writeInt32LE(total, 4);
  return Buffer.concat([prefix, fb, body]);
}

const ROWS = 200;
const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const plainBuffers = [
  new Uint8Array(0),
  bytesOf(new Int32Array(ROWS).fill(7)),
  new Uint8Array(0),
  bytesOf(Float64Array.from({ length: ROWS }, (_, row) => row / 7)),
  new Uint8Array(0),
  bytesOf(Int32Array.from({ length: ROWS + 1 }, (_, row) => row * 2)),
  Buffer.from("ab".repeat(ROWS)),
];
const expected = Array.from({ length: ROWS }, (_, row) => ({ i: 7, f: row / 7, s: "ab" }));

function compressed(codec: number): Uint8Array {
  const schema = new Schema([new Field("i", new Int32()), new Field("f", new Float64()), new Field("s", new Utf8())]);
  const empty = new RecordBatchStreamWriter();
  empty.reset(undefined, schema);
  const head = empty.finish().toUint8Array(true);
  const nodes: [number, number][] = [
    [ROWS, 0],
    [ROWS, 0],
    [ROWS, 0],
  ];
  const buffers = plainBuffers.map((bytes, index) =>
    index === 5 ? "stored" : codec === LZ4 ? lz4Frame(bytes) : zstdFrame(bytes),
  );
  return Buffer.concat([
    head.subarray(0, head.length - 8),
    batchMessage(codec, ROWS, nodes, buffers, plainBuffers),
    head.subarray(-8),
  ]);
}

describe("compressed Arrow buffers", () => {
  for (const [name, codec] of [
    ["LZ4", LZ4],
    ["zstd", ZSTD],
  ] as const) {
    it(`reads ${name}, and buffers stored as they are`, async () => {
      expect(rowsOf(await readAll(streamOf(compressed(codec))))).toEqual(expected);
    });
  }

  it("refuses unknown codecs, and sizes past the bound", async () => {
    expect(await failure(streamOf(compressed(5)))).toMatch(/UsageError: .*unknown body compression 5/);
    expect(await failure(streamOf(compressed(ZSTD)), { maxMessageBytes: 3000 })).toMatch(
      /CorruptError: .*maxMessageBytes/,
    );
  });

  it("gives batches or one of our errors for any damage", async () => {
    const flip = fc.record({ at: fc.nat(1_000_000), value: fc.integer({ min: 0, max: 255 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(LZ4, ZSTD),
        fc.array(flip, { minLength: 1, maxLength: 4 }),
        async (codec, flips) => {
          const bytes = Uint8Array.from(compressed(codec));
          for (const { at, value } of flips) bytes[at % bytes.length] = value;
          await outcome(streamOf(bytes), { format: "arrow", maxMessageBytes: 1 << 20 });
        },
      ),
      { numRuns: 300 },
    );
  });

  it("refuses a buffer that lies outside the body", async () => {
    const bytes = Buffer.from(compressed(ZSTD));
    const batch = bytes.indexOf(Buffer.from([8, 0, 8, 0, 4, 0, 5, 0])) - 80;
    const offsetOfSecondBuffer = batch + 96 + 8 + 3 * 16 + 8 + 16;
    bytes.writeBigInt64LE(1n << 40n, offsetOfSecondBuffer);
    expect(await failure(streamOf(bytes))).toMatch(/buffer 1 .* lies outside the body/);
  });

  it("believes no more of a zstd header than its bytes can hold", () => {
    const frame = zstdFrame(new Uint8Array(50));
    expect(new Uint8Array(decompressZstd(frame, 50))).toEqual(new Uint8Array(50)); // Node's own gives a Buffer
    expect(() => decompressZstd(frame, 51)).toThrow(/hold 50 bytes; expected 51/);
    const huge = Buffer.from(frame);
    huge.writeUInt32LE(2 ** 31, 5);
    expect(() => decompressZstd(huge, 2 ** 31)).toThrow(/expected 2147483648/);
  });

  it("decodes LZ4 only inside its bounds", () => {
    expect(() => decompressLz4Block(Uint8Array.from([0x10, 65, 5, 0]), 10)).toThrow(/runs over/);
    expect(() => decompressLz4Block(Uint8Array.from([0xf0, 255]), 10)).toThrow(/cut off/);
    expect(() => decompressLz4Block(Uint8Array.from([0x10]), 1e6)).toThrow(/cannot hold/);
    expect(Buffer.from(decompressLz4Block(Uint8Array.from([0x15, 65, 1, 0, 0x10, 66]), 11)).toString()).toBe(
      "AAAAAAAAAAB",
    );
  });
});
