import { Message, MessageHeader, type MetadataVersion } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aligned, MessageTemplate } from "./message.js";

const METADATA_V5: MetadataVersion = 4;

interface Patch {
  readonly rows: number;
  readonly bodyLength: number;
  readonly nodes: readonly { readonly length: number; readonly nullCount: number }[];
  readonly buffers: readonly { readonly offset: number; readonly length: number }[];
}

const u32 = fc.nat({ max: 0xffffffff });
const patch: fc.Arbitrary<Patch> = fc.record({
  rows: u32,
  bodyLength: u32,
  nodes: fc.array(fc.record({ length: u32, nullCount: u32 }), { maxLength: 20 }),
  buffers: fc.array(fc.record({ offset: u32, length: u32 }), { maxLength: 40 }),
});

/** A message's header with all its words patched. */
function patched({ rows, bodyLength, nodes, buffers }: Patch, dictionaryId?: number): Uint8Array {
  const template = new MessageTemplate(nodes.length, buffers.length, dictionaryId);
  const words = new Uint32Array(template.bytes.slice().buffer);
  words[template.bodyLengthWord] = bodyLength;
  words[template.rowsWord] = rows;
  nodes.forEach(({ length, nullCount }, i) => {
    words[template.nodesWord + 4 * i] = length;
    words[template.nodesWord + 4 * i + 2] = nullCount;
  });
  buffers.forEach(({ offset, length }, i) => {
    words[template.buffersWord + 4 * i] = offset;
    words[template.buffersWord + 4 * i + 2] = length;
  });
  return new Uint8Array(words.buffer);
}

/** Node or region objects as plain ones. */
function plain(list: readonly object[]): unknown[] {
  return list.map((item) => ({ ...item }));
}

describe("MessageTemplate", () => {
  it("is what apache-arrow decodes a record batch's metadata from, with every patched word", () => {
    fc.assert(
      fc.property(patch, (p) => {
        const bytes = patched(p);
        const message = Message.decode(bytes.subarray(8));
        expect(message.headerType).toBe(MessageHeader.RecordBatch);
        expect(message.version).toBe(METADATA_V5);
        expect(message.bodyLength).toBe(p.bodyLength);
        if (!message.isRecordBatch()) throw new Error("not a record batch");
        const header = message.header();
        expect(header.length).toBe(p.rows);
        expect(plain(header.nodes)).toEqual(p.nodes);
        expect(plain(header.buffers)).toEqual(p.buffers);
      }),
    );
  });

  it("is what apache-arrow decodes a dictionary batch's metadata from", () => {
    fc.assert(
      fc.property(patch, fc.nat({ max: 0x7fffffff }), (p, id) => {
        const message = Message.decode(patched(p, id).subarray(8));
        expect(message.headerType).toBe(MessageHeader.DictionaryBatch);
        expect(message.bodyLength).toBe(p.bodyLength);
        if (!message.isDictionaryBatch()) throw new Error("not a dictionary batch");
        const header = message.header();
        expect(header.id).toBe(id);
        expect(header.isDelta).toBe(false);
        expect(header.data.length).toBe(p.rows);
        expect(plain(header.data.nodes)).toEqual(p.nodes);
        expect(plain(header.data.buffers)).toEqual(p.buffers);
      }),
    );
  });

  it("fills a multiple of 64 bytes and says so in its prefix", () => {
    for (let n = 0; n < 20; n++) {
      for (const id of [undefined, 3]) {
        const { bytes, buffersWord, bufferCount } = new MessageTemplate(n, 2 * n, id);
        const words = new Uint32Array(bytes.buffer);
        expect(bytes.byteLength % 64).toBe(0);
        expect(bytes.byteLength - 4 * (buffersWord + 4 * bufferCount)).toBeLessThan(64);
        expect([words[0], words[1]]).toEqual([0xffffffff, bytes.byteLength - 8]);
      }
    }
  });
});

describe("aligned", () => {
  it("rounds up to a multiple of 64, also past 32 bits", () => {
    expect([0, 1, 63, 64, 65].map(aligned)).toEqual([0, 64, 64, 64, 128]);
    expect(aligned(2 ** 40 + 1)).toBe(2 ** 40 + 64);
  });
});
