/**
 * The metadata of a log entry: keys and values in the metadata of its schema message. Lance's readers know two of the keys and ignore the
 * rest; those that start with `pennon:` are ours.
 *
 * | key | value | written by |
 * |---|---|---|
 * | `writer_epoch` | the writer's epoch, decimal | everyone |
 * | `fence_sentinel` | `true`: the entry carries no rows and only takes a position, so that an older writer collides | everyone |
 * | `pennon:writer` | random id of the writer, 32 hex digits | us |
 * | `pennon:sequence` | number of the entry among the writer's own, 16 hex digits; 0 in sentinels | us, in sentinels too |
 * | `pennon:crc32` | checksum, 8 hex digits, see `wal-entry.ts` | us, in sentinels too |
 * | `pennon:unsynced` | `1`: the entry was acknowledged before it was synced | us, only then |
 * | `pennon:counter:<name>` | a counter of the application, 16 hex digits, at most 2^63 − 1 | us |
 *
 * Hex digits are lower case. An entry with any `pennon:` key is ours and must have the first three of them, a sentinel all but
 * the writer: so no damage to one key makes it pass for another writer's. Keys come in the order of the table with `writer_epoch`
 * last: metadata that lost its end lacks it, and is no entry's.
 *
 * @module
 */
import type { WireMetadata } from "../arrow/wire-schema.js";
import { CorruptError } from "../errors.js";

export const KEY = {
  writerEpoch: "writer_epoch",
  fenceSentinel: "fence_sentinel",
  own: "pennon:",
  writer: "pennon:writer",
  sequence: "pennon:sequence",
  crc32: "pennon:crc32",
  unsynced: "pennon:unsynced",
  counter: "pennon:counter:",
} as const;

/** Hex digits of a value. */
export const DIGITS = { writer: 32, sequence: 16, crc32: 8, counter: 16 } as const;

/** What an entry of ours says of itself. */
export interface OwnEntry {
  /** 32 hex digits. */
  readonly writerId: string;
  /** Number of the entry among its writer's own. */
  readonly sequence: number;
  /** False for an entry whose rows were acknowledged before it was synced. */
  readonly durable: boolean;
  readonly counters: Map<string, bigint>;
}

/** The metadata of an entry, and where in the schema message the values lie that differ between entries of one writer. */
export interface EntryMetadata {
  readonly writerEpoch: number;
  readonly sentinel: boolean;
  readonly durable: boolean;
  readonly writer: WireMetadata | undefined;
  readonly sequence: WireMetadata | undefined;
  readonly crc32: WireMetadata | undefined;
  /** By name. */
  readonly counters: ReadonlyMap<string, WireMetadata>;
}

/** @throws CorruptError when a key is missing, there twice, or has a value that it cannot have */
export function parseEntryMetadata(pairs: readonly WireMetadata[]): EntryMetadata {
  const known = new Map<string, WireMetadata>();
  for (const pair of pairs) {
    const counts = pair.key.startsWith(KEY.own) || pair.key === KEY.writerEpoch || pair.key === KEY.fenceSentinel;
    if (!counts) continue;
    if (known.has(pair.key)) throw new CorruptError(`its metadata has the key ${pair.key} twice`);
    known.set(pair.key, pair);
  }
  const epoch = known.get(KEY.writerEpoch);
  if (epoch === undefined) throw new CorruptError(`its metadata lacks ${KEY.writerEpoch}: it is no entry of a log`);
  const sentinel = known.get(KEY.fenceSentinel)?.value === "true";
  const metadata = {
    writerEpoch: parseEpoch(epoch.value),
    sentinel,
    durable: !known.has(KEY.unsynced),
    writer: known.get(KEY.writer),
    sequence: known.get(KEY.sequence),
    crc32: known.get(KEY.crc32),
    counters: countersOf(known),
  };
  const { writer, sequence, crc32 } = metadata;
  const isOwn = [...known.keys()].some((key) => key.startsWith(KEY.own));
  if (isOwn && (crc32 === undefined || sequence === undefined || (writer === undefined && !sentinel))) {
    throw new CorruptError(`its metadata lacks some of ${KEY.writer}, ${KEY.sequence} and ${KEY.crc32}`);
  }
  checkDigits(writer, DIGITS.writer);
  checkDigits(sequence, DIGITS.sequence);
  checkDigits(crc32, DIGITS.crc32);
  for (const counter of metadata.counters.values()) checkDigits(counter, DIGITS.counter);
  return metadata;
}

/**
 * What the schema message says of an entry of ours; undefined for another writer's, and for sentinels.
 *
 * @throws CorruptError when a value is no hex number, or too large
 */
export function ownEntry(metadata: EntryMetadata, message: Uint8Array): OwnEntry | undefined {
  const { writer, sequence, durable } = metadata;
  if (writer === undefined || sequence === undefined) return undefined;
  const counters = new Map<string, bigint>();
  for (const [name, { key, start }] of metadata.counters) {
    const high = hexAt(message, start, 8);
    if (high > 0x7fffffff) throw new CorruptError(`its ${key} is larger than 2^63 − 1`);
    counters.set(name, (BigInt(high) << 32n) | BigInt(hexAt(message, start + 8, 8)));
  }
  let writerId = "";
  for (let i = 0; i < DIGITS.writer; i++) {
    hexAt(message, writer.start + i, 1);
    writerId += String.fromCharCode(message[writer.start + i] ?? 0);
  }
  const number = hexAt(message, sequence.start, 8) * 2 ** 32 + hexAt(message, sequence.start + 8, 8);
  if (!Number.isSafeInteger(number)) throw new CorruptError(`its ${KEY.sequence} is larger than 2^53 − 1`);
  return { writerId, sequence: number, durable, counters };
}

/** The number that `digits` ≤ 8 lower-case hex digits at `start` stand for. @throws CorruptError */
export function hexAt(bytes: Uint8Array, start: number, digits: number): number {
  let value = 0;
  for (let i = start; i < start + digits; i++) {
    const code = bytes[i] ?? 0;
    const digit = code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : -1;
    if (digit < 0) throw new CorruptError("its metadata holds other characters where hex digits are expected");
    value = value * 16 + digit;
  }
  return value;
}

/** Writes `value`, from 0 to 2^32 − 1, as 8 lower-case hex digits. */
export function setHex(bytes: Uint8Array, start: number, value: number): void {
  for (let i = 7, rest = value; i >= 0; i--, rest >>>= 4) {
    const digit = rest & 15;
    bytes[start + i] = digit < 10 ? 48 + digit : 87 + digit;
  }
}

function parseEpoch(text: string): number {
  const epoch = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(epoch)) return epoch;
  throw new CorruptError(`its ${KEY.writerEpoch} is ${JSON.stringify(text)}; expected a decimal number below 2^53`);
}

function countersOf(known: ReadonlyMap<string, WireMetadata>): Map<string, WireMetadata> {
  const counters = new Map<string, WireMetadata>();
  for (const [key, pair] of known) if (key.startsWith(KEY.counter)) counters.set(key.slice(KEY.counter.length), pair);
  return counters;
}

function checkDigits(pair: WireMetadata | undefined, digits: number): void {
  if (pair === undefined || pair.bytes === digits) return;
  throw new CorruptError(`its ${pair.key} has ${pair.bytes} bytes; expected ${digits} hex digits`);
}
