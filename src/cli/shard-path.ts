/**
 * From the path on a command line to the shard it means.
 *
 * | path | means |
 * |---|---|
 * | `<database>/<table>` | the one shard of the table in `<database>/<table>.lance` |
 * | `<database>/<table>.lance` | the same |
 * | a directory named by a UUID that holds `manifest/` or `wal/` | that shard |
 *
 * Nothing is created, and nothing inside the files is looked at.
 *
 * @module
 */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "../errors.js";
import { MEM_WAL_DIRECTORY, shardDirectory } from "../lance/names.js";
import { isUuid } from "../lance/shard-id.js";
import { parseTablePath } from "../table/table-path.js";

/** A table in a local directory. */
export interface TablePlace {
  /** As it was asked for: what messages call it. */
  readonly name: string;
  /** `<database>/<table>.lance`, absolute. */
  readonly tableDirectory: string;
}

/** A shard in a local directory. */
export interface ShardPlace {
  /** As it was asked for: what messages call it. */
  readonly name: string;
  /** UUID, as text. */
  readonly shardId: string;
  /** Absolute. */
  readonly shardDirectory: string;
  /** Directory of the table it belongs to; undefined for a shard that lies elsewhere. */
  readonly tableDirectory: string | undefined;
}

/** Shards named in a message. */
const MOST_NAMED = 5;

/**
 * The shard that `path` means.
 *
 * @throws UsageError when there is none, or are several
 */
export function findShard(path: string): ShardPlace {
  const place = findTableOrShard(path);
  if ("shardId" in place) return place;
  const [shardId, ...others] = shardsOf(place.tableDirectory);
  if (shardId === undefined) {
    throw new UsageError(`${path}: the table has no log; it gets one when it is first opened for writing`);
  }
  const directory = shardDirectory(place.tableDirectory, shardId);
  if (others.length === 0) return { ...place, shardId, shardDirectory: directory };
  const shown = [shardId, ...others].slice(0, MOST_NAMED).join(", ");
  const rest = others.length + 1 > MOST_NAMED ? " …" : "";
  throw new UsageError(
    `${path}: the table has ${others.length + 1} shards; give the directory of one, such as ${directory} (there are ${shown}${rest})`,
  );
}

/**
 * The table or the shard that `path` means.
 *
 * @throws UsageError when it is neither
 */
export function findTableOrShard(path: string): TablePlace | ShardPlace {
  const absolute = resolve(path);
  if (isUuid(basename(absolute)) && isShard(absolute)) {
    const table = dirname(dirname(absolute));
    return {
      name: path,
      shardId: basename(absolute),
      shardDirectory: absolute,
      tableDirectory: isTable(table) ? table : undefined,
    };
  }
  const { directory } = parseTablePath(path);
  if (isTable(directory)) return { name: path, tableDirectory: directory };
  const there = [directory, absolute].find((at) => statSync(at, { throwIfNoEntry: false }) !== undefined);
  throw new UsageError(
    there === undefined
      ? `${path}: no such table; expected <database>/<table>, for the directory <database>/<table>.lance, or a shard's directory`
      : `${path}: ${there} is neither a Lance table (a directory <table>.lance with _versions in it) nor a shard's directory (named by a UUID, with manifest or wal in it)`,
  );
}

/** UUIDs of the shards of a table, in order. */
export function shardsOf(tableDirectory: string): string[] {
  const directory = join(tableDirectory, MEM_WAL_DIRECTORY);
  if (!isDirectory(directory)) return [];
  return readdirSync(directory)
    .filter((name) => isUuid(name) && isShard(join(directory, name)))
    .sort();
}

function isTable(directory: string): boolean {
  return isDirectory(join(directory, "_versions"));
}

function isShard(directory: string): boolean {
  return isDirectory(join(directory, "manifest")) || isDirectory(join(directory, "wal"));
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
