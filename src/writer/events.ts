/**
 * What the library tells of itself: it never logs, it publishes on `node:diagnostics_channel`.
 *
 * | channel | message |
 * |---|---|
 * | `pennon:flush` | `{ entry, rows, bytes, milliseconds }`: an entry is in the log |
 * | `pennon:rotate` | `{ memtable, rows, bytes }`: a memtable is frozen |
 * | `pennon:sstable` | `{ generation, rows, bytes, milliseconds }`: a memtable's rows are in an SSTable |
 * | `pennon:compaction` | what `compact()` resolves with: SSTables are merged into the base table |
 * | `pennon:collection` | what was collected as garbage |
 * | `pennon:maintenance-error` | `{ task, error }`: `flush`, `compact`, `collect` or `optimize` has failed, and is tried again later |
 * | `pennon:stall` | `{ unflushedBytes, pendingPuts, memoryBytes }`: puts begin to wait for room |
 * | `pennon:fence` | `{ error }`: a newer writer has claimed the shard |
 * | `pennon:error` | `{ error }`: the writer has stopped |
 *
 * Nothing is built when nobody listens.
 *
 * @module
 */
import { channel } from "node:diagnostics_channel";

const CHANNELS = {
  flush: channel("pennon:flush"),
  rotate: channel("pennon:rotate"),
  sstable: channel("pennon:sstable"),
  compaction: channel("pennon:compaction"),
  collection: channel("pennon:collection"),
  "maintenance-error": channel("pennon:maintenance-error"),
  stall: channel("pennon:stall"),
  fence: channel("pennon:fence"),
  error: channel("pennon:error"),
} as const;

/** Publishes an event to those who listen. */
export function publishEvent(name: keyof typeof CHANNELS, message: object): void {
  const target = CHANNELS[name];
  if (target.hasSubscribers) target.publish(message);
}
