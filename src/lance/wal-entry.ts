/**
 * A log entry, as it is written: an Arrow IPC stream around the very bytes that lie in a store's arena.
 *
 * ```
 *   │ schema message, with the entry's metadata │ dictionaries in force │ run of the arena's messages │ end of stream │
 *     EntryHeader.bytes                           BatchStore.ipcParts, without its first part ───────────────────────▶
 * ```
 *
 * The schema is the storage schema (`storage-schema.ts`), with no metadata of its own: only that of the entry (`entry-metadata.ts`).
 *
 * Checksum: CRC-32 of all bytes between the schema message and the end-of-stream marker, continued over the schema message with the
 * checksum's own eight digits as `00000000`. So it covers every byte of the entry but the marker, whose eight bytes are known.
 *
 * A schema message is made once for a set of counter names; for each entry a copy of it is patched.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import { END_OF_STREAM } from "../arrow/message.js";
import { encodeSchemaMessage, normaliseSchema } from "../arrow/schema.js";
import type { SchemaLike } from "../arrow/shape.js";
import { readSchemaMessage } from "../arrow/wire-schema.js";
import { UsageError } from "../errors.js";
import { crc32 } from "./crc32.js";
import { DIGITS, type EntryMetadata, KEY, parseEntryMetadata, setHex } from "./entry-metadata.js";

/** Most of each in one entry. Lance replays an entry into one memtable, and fails for good when that overflows. */
export const ENTRY_BOUNDS = { bytes: 64 * 1024 * 1024, rows: 100_000, batches: 8_000 } as const;

/** Most counters of an entry, and characters of a counter's name. */
export const COUNTER_BOUNDS = { counters: 64, nameLength: 256 } as const;

const MAX_COUNTER = 2n ** 63n - 1n;

/** Who writes. */
export interface EntryWriter {
  /** At least 1. */
  readonly writerEpoch: number;
  /** 32 lower-case hex digits. */
  readonly writerId: string;
}

/** What differs from entry to entry. */
export interface EntryOptions {
  /** Number of the entry among its writer's own. */
  readonly sequence: number;
  /** `crc32` of all parts between the schema message and the end-of-stream marker. */
  readonly crc32: number;
  /** False when the rows are acknowledged before the entry is synced. */
  readonly durable: boolean;
  /** Values from 0 to 2^63 − 1, by name. */
  readonly counters: ReadonlyMap<string, bigint>;
}

interface Template {
  readonly bytes: Uint8Array;
  readonly metadata: EntryMetadata;
}

/** Makes the schema messages of one writer's entries. */
export class EntryHeader {
  readonly #schema: Schema;
  readonly #writer: EntryWriter;
  #template: Template | undefined;

  /**
   * @param schema the storage schema, the very one of the stores whose bytes are written: dictionaries are numbered alike then
   * @throws UsageError when the epoch or the id is malformed
   */
  constructor(schema: SchemaLike, writer: EntryWriter) {
    checkEpoch(writer.writerEpoch);
    if (!/^[0-9a-f]{32}$/.test(writer.writerId)) {
      throw new UsageError(`writerId is ${JSON.stringify(writer.writerId)}; expected 32 lower-case hex digits`);
    }
    this.#schema = normaliseSchema(schema);
    this.#writer = { ...writer };
  }

  /**
   * The schema message of one entry, a multiple of 64 bytes; fresh memory each time.
   *
   * @throws UsageError when a number is out of its bounds
   */
  bytes(options: EntryOptions): Uint8Array {
    const { sequence, durable, counters } = options;
    if (!(Number.isSafeInteger(sequence) && sequence >= 0)) {
      throw new UsageError(`sequence is ${sequence}; expected a whole number from 0 to 2^53 − 1`);
    }
    const template = this.#templateFor(durable, counters);
    const bytes = template.bytes.slice();
    const { metadata } = template;
    for (const [name, { start }] of metadata.counters) setHex64(bytes, start, counterOf(name, counters.get(name)));
    const sequenceAt = metadata.sequence?.start ?? 0;
    setHex(bytes, sequenceAt, Math.floor(sequence / 2 ** 32));
    setHex(bytes, sequenceAt + 8, sequence >>> 0);
    return withChecksum(bytes, metadata, options.crc32);
  }

  #templateFor(durable: boolean, counters: ReadonlyMap<string, bigint>): Template {
    const kept = this.#template;
    if (kept !== undefined && kept.metadata.durable === durable && sameNames(kept.metadata.counters, counters)) {
      return kept;
    }
    if (counters.size > COUNTER_BOUNDS.counters) {
      throw new UsageError(`there are ${counters.size} counters; expected at most ${COUNTER_BOUNDS.counters}`);
    }
    const { writerEpoch, writerId } = this.#writer;
    const pairs: [string, string][] = [
      [KEY.writer, writerId],
      [KEY.sequence, "0".repeat(DIGITS.sequence)],
      [KEY.crc32, "0".repeat(DIGITS.crc32)],
    ];
    if (!durable) pairs.push([KEY.unsynced, "1"]);
    for (const [name, value] of counters) {
      counterOf(name, value);
      pairs.push([KEY.counter + name, "0".repeat(DIGITS.counter)]);
    }
    pairs.push([KEY.writerEpoch, String(writerEpoch)]);
    const template = templateOf(this.#schema, pairs);
    if (!sameNames(template.metadata.counters, counters)) {
      throw new UsageError("the name of a counter is no well-formed string; expected one without lone surrogates");
    }
    this.#template = template;
    return template;
  }
}

/**
 * A whole entry without rows that takes a position, so that a writer of an older epoch collides there.
 *
 * @param epoch the epoch just claimed
 */
export function encodeSentinel(epoch: number): Uint8Array {
  checkEpoch(epoch);
  const { bytes, metadata } = templateOf(new Schema([]), [
    [KEY.fenceSentinel, "true"],
    [KEY.sequence, "0".repeat(DIGITS.sequence)],
    [KEY.crc32, "0".repeat(DIGITS.crc32)],
    [KEY.writerEpoch, String(epoch)],
  ]);
  return Buffer.concat([withChecksum(bytes, metadata, 0), END_OF_STREAM]);
}

function templateOf(schema: Schema, pairs: [string, string][]): Template {
  const bytes = encodeSchemaMessage(new Schema(schema.fields, new Map(pairs)));
  // The places of the values are found by the code that will read them.
  return { bytes, metadata: parseEntryMetadata(readSchemaMessage(bytes).metadata) };
}

/** `bytes`, in which the checksum's digits are zeros, with them set. */
function withChecksum(bytes: Uint8Array, { crc32: pair }: EntryMetadata, ofBatches: number): Uint8Array {
  if (!(Number.isInteger(ofBatches) && ofBatches >= 0 && ofBatches <= 0xffffffff)) {
    throw new UsageError(`crc32 is ${ofBatches}; expected a whole number from 0 to 2^32 − 1`);
  }
  setHex(bytes, pair?.start ?? 0, crc32([bytes], ofBatches));
  return bytes;
}

function sameNames(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  if (a.size !== b.size) return false;
  for (const name of a.keys()) if (!b.has(name)) return false;
  return true;
}

function counterOf(name: string, value: bigint | undefined): bigint {
  if (name.length > COUNTER_BOUNDS.nameLength) {
    throw new UsageError(`the counter ${JSON.stringify(name)} has a name longer than ${COUNTER_BOUNDS.nameLength}`);
  }
  if (typeof value === "bigint" && value >= 0n && value <= MAX_COUNTER) return value;
  throw new UsageError(`the counter ${JSON.stringify(name)} is ${String(value)}; expected a bigint from 0 to 2^63 − 1`);
}

function setHex64(bytes: Uint8Array, start: number, value: bigint): void {
  setHex(bytes, start, Number(value >> 32n));
  setHex(bytes, start + 8, Number(value & 0xffffffffn));
}

function checkEpoch(epoch: number): void {
  if (Number.isSafeInteger(epoch) && epoch >= 1) return;
  throw new UsageError(`the epoch is ${epoch}; expected a whole number from 1 to 2^53 − 1`);
}
