/**
 * Reads the schema message of an entry: who wrote it, and whether its columns are those of the table.
 *
 * The messages of one writer of ours differ in a few digits only, and those of one of Lance's not at all, so one that was taken apart and
 * accepted serves to know the next ones again by comparing words (0.3 µs where taking one apart costs 10).
 *
 * @module
 */
import { schemaDifference } from "../arrow/schema.js";
import type { FieldLike, SchemaLike } from "../arrow/shape.js";
import { readSchemaMessage } from "../arrow/wire-schema.js";
import { UsageError } from "../errors.js";
import type { EntryBytes } from "./entry-frame.js";
import { DIGITS, type EntryMetadata, parseEntryMetadata } from "./entry-metadata.js";
import { TOMBSTONE } from "./storage-schema.js";

/** Accepted messages that are kept: a writer has one for each set of counters, and for unsynced entries. */
const MAX_KEPT = 4;

/** What a schema message says. */
export interface EntryHeaderContents {
  readonly metadata: EntryMetadata;
  /** True when the columns lack `_tombstone`, which then is false in every row. */
  readonly lacksTombstone: boolean;
  /** Ids of the dictionaries, in the order of the schema's. */
  readonly dictionaryIds: readonly number[];
  /** In what its columns are not the table's; undefined when they are. */
  readonly difference: string | undefined;
}

/** A message that was accepted, to know others by that differ in the digits of their values only. */
interface Kept {
  readonly contents: EntryHeaderContents;
  /** The message, and 1 bits where others must be equal to it. */
  readonly words: Uint32Array;
  readonly mask: Uint32Array;
}

export class EntryHeaderReader {
  readonly #schema: SchemaLike;
  readonly #kept: Kept[] = [];

  /** @param schema the storage schema that entries must have */
  constructor(schema: SchemaLike) {
    this.#schema = schema;
  }

  /**
   * What the schema message of an entry says, which ends at byte `end`.
   *
   * @throws CorruptError when the message is malformed
   */
  read(entry: EntryBytes, end: number): EntryHeaderContents {
    const known = this.#kept.find((kept) => kept.words.length * 4 === end && equal(kept, entry));
    if (known !== undefined) return known.contents;
    const wire = readSchemaMessage(entry.bytes.subarray(0, end));
    const metadata = parseEntryMetadata(wire.metadata);
    // A sentinel carries no rows, so its columns do not matter.
    const compared = metadata.sentinel ? { lacksTombstone: false, difference: undefined } : this.#compare(wire.schema);
    return { metadata, ...compared, dictionaryIds: wire.dictionaryIds };
  }

  /** Keeps a message that turned out to be right, to know its like again. */
  accept(contents: EntryHeaderContents, entry: EntryBytes, end: number): void {
    const { sentinel, writer, sequence, crc32, counters } = contents.metadata;
    // Sentinels come one by one, and would only push the others out.
    if (sentinel || this.#kept.some((kept) => kept.contents === contents)) return;
    const mask = new Uint8Array(end).fill(0xff);
    if (writer !== undefined) mask.fill(0, writer.start, writer.start + DIGITS.writer);
    if (sequence !== undefined) mask.fill(0, sequence.start, sequence.start + DIGITS.sequence);
    if (crc32 !== undefined) mask.fill(0, crc32.start, crc32.start + DIGITS.crc32);
    for (const { start } of counters.values()) mask.fill(0, start, start + DIGITS.counter);
    const bits = new Uint32Array(mask.buffer);
    const words = new Uint32Array(entry.bytes.slice(0, end).buffer);
    for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) & (bits[i] ?? 0);
    this.#kept.unshift({ contents, words, mask: bits });
    if (this.#kept.length > MAX_KEPT) this.#kept.pop();
  }

  #compare(found: SchemaLike): Pick<EntryHeaderContents, "lacksTombstone" | "difference"> {
    const { fields } = this.#schema;
    const last = fields.at(-1);
    const lacks = last?.name === TOMBSTONE && found.fields.length === fields.length - 1;
    const difference = differenceOf({ fields: lacks ? fields.slice(0, -1) : fields }, found);
    return { lacksTombstone: lacks, difference };
  }
}

function equal({ words, mask }: Kept, { u32, base }: EntryBytes): boolean {
  const first = base >>> 2;
  for (let i = 0; i < words.length; i++) {
    if (((u32[first + i] ?? 0) & (mask[i] ?? 0)) >>> 0 !== words[i]) return false;
  }
  return true;
}

/** As {@link schemaDifference}; what has no name among the types that Pennon knows is different too. */
function differenceOf(expected: SchemaLike, found: SchemaLike): string | undefined {
  try {
    return schemaDifference(expected, found);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const names = found.fields.map(({ name, type }: FieldLike) => `${JSON.stringify(name)} (type ${type.typeId})`);
    return `one of ${names.join(", ")} has a type that is not supported`;
  }
}
