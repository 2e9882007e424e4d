/**
 * Somebody who writes to the log without having claimed the shard: a tool that copies files, a stale writer of another make. A writer
 * that finds its position taken must not mistake what is there for its own.
 *
 * @module
 */
import { END_OF_STREAM } from "../../src/arrow/message.js";
import { walKey } from "../../src/lance/names.js";
import { EntryHeader } from "../../src/lance/wal-entry.js";
import { inspectEntry } from "../../src/lance/wal-entry-reader.js";
import type { ObjectStore } from "../../src/storage/object-store.js";
import type { Random } from "../arrow-random-data.js";
import { schema } from "./rows.js";

/**
 * An entry that is nearly the next one of the writer with this epoch: with its id and another number, or with its next number and another
 * id.
 *
 * @param end position behind the newest entry
 */
export async function forgeNext(
  store: ObjectStore,
  end: number,
  epoch: number,
  random: Random,
): Promise<readonly Uint8Array[]> {
  let sequence = 0;
  for (let entry = end - 1; entry > 0; entry--) {
    const bytes = await store.get(walKey(entry));
    const { own, writerEpoch } = inspectEntry(bytes, walKey(entry));
    if (writerEpoch < epoch) break;
    if (own === undefined) continue;
    if (random.chance(0.7)) return [bytes];
    sequence = own.sequence;
    break;
  }
  const header = new EntryHeader(schema, { writerEpoch: epoch, writerId: "f".repeat(32) });
  const options = { sequence: sequence + 1, crc32: 0, durable: true, counters: new Map() };
  return [header.bytes(options), END_OF_STREAM.slice()];
}
