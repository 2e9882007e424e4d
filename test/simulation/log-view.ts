/**
 * The log of a shard as a reader sees it that has nothing to do with its writers: from behind what SSTables cover to the first hole.
 *
 * @module
 */
import { crc32 } from "../../src/lance/crc32.js";
import { manifestKey, parseManifestKey, walKey } from "../../src/lance/names.js";
import { decodeShardManifest, type ShardManifest } from "../../src/lance/shard-manifest.js";
import { ObjectNotFoundError, type ObjectStore } from "../../src/storage/object-store.js";
import type { LoggedRow } from "./history.js";
import { type PlainEntry, readPlainly } from "./rows.js";

/** What a reader found. */
export interface LogView {
  /** First position that holds nothing. */
  readonly end: number;
  readonly rows: readonly LoggedRow[];
}

/** Reads logs, and keeps what it has read: entries never change. */
export class LogReader {
  readonly #entries = new Map<string, PlainEntry>();

  /** @throws Error when an entry cannot be read */
  async read(store: ObjectStore): Promise<LogView> {
    const manifest = await newestManifest(store);
    const rows: LoggedRow[] = [];
    for (let entry = (manifest?.replayAfter ?? 0) + 1; ; entry++) {
      const bytes = await contentsOf(store, walKey(entry));
      if (bytes === undefined) return { end: entry, rows };
      rows.push(...this.#entry(bytes, entry).rows);
    }
  }

  /** The rows of one entry, none when there is no such entry. */
  async entry(store: ObjectStore, entry: number): Promise<readonly LoggedRow[]> {
    const bytes = await contentsOf(store, walKey(entry));
    return bytes === undefined ? [] : this.#entry(bytes, entry).rows;
  }

  #entry(bytes: Uint8Array, entry: number): PlainEntry {
    const name = `${entry} ${bytes.byteLength} ${crc32([bytes])}`;
    let known = this.#entries.get(name);
    if (known === undefined) {
      known = readPlainly(bytes, entry);
      this.#entries.set(name, known);
    }
    return known;
  }
}

/** Found by listing, whatever a hint says. */
export async function newestManifest(store: ObjectStore): Promise<ShardManifest | undefined> {
  let newest = 0;
  for await (const { key } of store.list("manifest/")) newest = Math.max(newest, parseManifestKey(key) ?? 0);
  if (newest === 0) return undefined;
  const key = manifestKey(newest);
  return decodeShardManifest(await store.get(key), key);
}

/** Undefined when there is no such object. */
async function contentsOf(store: ObjectStore, key: string): Promise<Uint8Array | undefined> {
  try {
    return await store.get(key);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}
