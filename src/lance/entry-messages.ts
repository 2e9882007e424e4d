/**
 * The messages of an entry behind its schema, one after the other, whoever wrote them.
 *
 * A message of exactly the layout that our own writers give to this schema's messages is known by comparing the words of its header
 * that never change; all others are taken apart as flatbuffers. Either way no offset is followed out of the file, and
 * what is inside the message is for `WireReader` to check.
 *
 * @module
 */
import type { BatchPlan } from "../arrow/batch-plan.js";
import type { DictionaryPlan } from "../arrow/dictionary-plan.js";
import { FlatTable } from "../arrow/flat-table.js";
import type { MessageTemplate } from "../arrow/message.js";
import type { BatchPlace } from "../arrow/wire-reader.js";
import { HEADER } from "../arrow/wire-schema.js";
import { CorruptError } from "../errors.js";
import { CONTINUATION, type EntryBytes, isZero, PREFIX_BYTES, type Span } from "./entry-frame.js";

/** Versions of the metadata whose batches are read. Only the unions of V4 are laid out in another way, and Lance has none. */
const VERSIONS: readonly number[] = [3, 4];

/** One message: a batch, or the values of a dictionary. */
export interface EntryMessage {
  /** Byte of the entry behind it. */
  readonly to: number;
  readonly place: BatchPlace;
  /** What the values are a dictionary of; undefined for a batch. */
  readonly dictionary: EntryDictionary | undefined;
}

/** Which dictionary a message brings. */
export interface EntryDictionary {
  readonly id: number;
  /** True when the values come behind those in force, not in their place. */
  readonly isDelta: boolean;
}

/** Knows the messages of one template. */
class MessageShape {
  readonly #template: MessageTemplate;
  readonly #words: Uint32Array;
  /** Indices of the words that are the same in all of them. */
  readonly #fixed: Uint32Array;
  readonly #dictionary: EntryDictionary | undefined;

  constructor(template: MessageTemplate, dictionary?: DictionaryPlan) {
    this.#template = template;
    this.#words = new Uint32Array(template.bytes.slice().buffer);
    this.#dictionary = dictionary && { id: dictionary.id, isDelta: false };
    const { nodesWord, nodeCount, buffersWord, bufferCount } = template;
    const patched = new Set([template.bodyLengthWord, template.rowsWord]);
    // Of 64 bits the upper word stays 0.
    for (let i = 0; i < 2 * nodeCount; i++) patched.add(nodesWord + 2 * i);
    for (let i = 0; i < 2 * bufferCount; i++) patched.add(buffersWord + 2 * i);
    this.#fixed = Uint32Array.from([...this.#words.keys()].filter((word) => !patched.has(word)));
  }

  /** The message at byte `from`, when it is one of them. */
  match({ u32, base, bytes }: EntryBytes, from: number): EntryMessage | undefined {
    const template = this.#template;
    const headerBytes = template.bytes.length;
    if (from + headerBytes > bytes.length) return undefined;
    const first = (base + from) >>> 2;
    const words = this.#words;
    const fixed = this.#fixed;
    for (let i = 0; i < fixed.length; i++) {
      const word = fixed[i] ?? 0;
      if (u32[first + word] !== words[word]) return undefined;
    }
    const bodyBytes = u32[first + template.bodyLengthWord] ?? 0;
    const place = {
      nodesWord: first + template.nodesWord,
      nodeCount: template.nodeCount,
      buffersWord: first + template.buffersWord,
      bufferCount: template.bufferCount,
      body: base + from + headerBytes,
      bodyBytes,
      rows: u32[first + template.rowsWord] ?? 0,
    };
    return { to: from + headerBytes + bodyBytes, place, dictionary: this.#dictionary };
  }
}

/** Walks through the messages of entries of one schema. */
export class EntryMessages {
  /** That of batches, the commonest, first. */
  readonly #shapes: readonly MessageShape[];

  /** @param plan of the schema whose messages are known by their shape; without one all are taken apart */
  constructor(plan?: BatchPlan) {
    const dictionaries = plan?.dictionaries ?? [];
    this.#shapes = [
      ...(plan === undefined ? [] : [new MessageShape(plan.template)]),
      ...dictionaries.map((dictionary) => new MessageShape(dictionary.template, dictionary)),
    ];
  }

  /**
   * The message at byte `from` of the entry; undefined where the stream ends: at an end-of-stream marker with nothing but zeros behind it,
   * or at the end of the file.
   *
   * @param span set to the bytes being read
   * @throws CorruptError when it is malformed or cut off
   */
  at(entry: EntryBytes, from: number, span: Span): EntryMessage | undefined {
    const { length } = entry.bytes;
    span.from = from;
    span.to = length;
    const message = this.#known(entry, from) ?? takeApart(entry, from);
    if (message === undefined) return undefined;
    if (message.to > length) {
      throw new CorruptError(`the file is cut off: the message at byte ${from} ends at byte ${message.to}`);
    }
    if (message.to % 8 !== 0) {
      throw new CorruptError(`the message ends at byte ${message.to}; expected a multiple of 8`);
    }
    span.to = message.to;
    return message;
  }

  #known(entry: EntryBytes, from: number): EntryMessage | undefined {
    for (const shape of this.#shapes) {
      const message = shape.match(entry, from);
      if (message !== undefined) return message;
    }
    return undefined;
  }
}

function takeApart({ bytes, u32, base }: EntryBytes, from: number): EntryMessage | undefined {
  if (from === bytes.length) return undefined;
  const first = (base + from) >>> 2;
  const metadataBytes = u32[first + 1];
  if (u32[first] !== CONTINUATION || metadataBytes === undefined || from + PREFIX_BYTES > bytes.length) {
    throw new CorruptError(
      `expected a message or the end of the stream at byte ${from}; the file is cut off, or its bytes are damaged`,
    );
  }
  if (metadataBytes === 0) {
    if (isZero(bytes, from + PREFIX_BYTES)) return undefined;
    throw new CorruptError(`bytes follow the end of the stream at byte ${from}; expected nothing behind it`);
  }
  const bodyFrom = from + PREFIX_BYTES + metadataBytes;
  if (bodyFrom > bytes.length) {
    throw new CorruptError(`the file is cut off: the header of the message at byte ${from} ends at byte ${bodyFrom}`);
  }
  if (bodyFrom % 8 !== 0) {
    throw new CorruptError(`the header at byte ${from} has ${metadataBytes} bytes; expected a multiple of 8`);
  }
  return parseHeader(bytes.subarray(from + PREFIX_BYTES, bodyFrom), base, bodyFrom);
}

function parseHeader(header: Uint8Array, base: number, bodyFrom: number): EntryMessage {
  const root = FlatTable.root(header);
  const version = root.int16(0);
  if (!VERSIONS.includes(version)) throw new CorruptError(`the message has version ${version}; expected V4 or V5`);
  const kind = root.uint8(1);
  const table = root.table(2);
  if (table === undefined || (kind !== HEADER.recordBatch && kind !== HEADER.dictionaryBatch)) {
    throw new CorruptError(`the message is of kind ${kind}; expected a record batch or a dictionary`);
  }
  const isBatch = kind === HEADER.recordBatch;
  const batch = isBatch ? table : table.table(1);
  if (batch === undefined) throw new CorruptError("the dictionary message has no values");
  if (batch.table(3) !== undefined) throw new CorruptError("the batch is compressed; expected plain buffers");
  const bodyBytes = root.int64(3);
  const rows = batch.int64(0);
  const nodes = batch.vector(1, 16);
  const buffers = batch.vector(2, 16);
  const address = base + bodyFrom - header.length;
  const nodesAt = address + (nodes?.start ?? 0);
  const buffersAt = address + (buffers?.start ?? 0);
  if (bodyBytes < 0 || rows < 0 || nodesAt % 4 !== 0 || buffersAt % 4 !== 0) {
    throw new CorruptError(`the message states ${rows} rows in ${bodyBytes} bytes, or its parts lie at odd addresses`);
  }
  const place = {
    nodesWord: nodesAt / 4,
    nodeCount: nodes?.count ?? 0,
    buffersWord: buffersAt / 4,
    bufferCount: buffers?.count ?? 0,
    body: base + bodyFrom,
    bodyBytes,
    rows,
  };
  const dictionary = isBatch ? undefined : { id: table.int64(0), isDelta: table.bool(2) };
  return { to: bodyFrom + bodyBytes, place, dictionary };
}
