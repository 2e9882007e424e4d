/**
 * Names of the objects of a shard, as keys relative to the shard's directory:
 *
 * ```
 * <table>.lance/_mem_wal/<shard id>/
 *     manifest/<rev64(version)>.binpb      versions 1, 2, 3 …
 *     manifest/version_hint.json
 *     wal/<rev64(position)>.arrow          positions 1, 2, 3 …
 * ```
 *
 * rev64(n) is the 64-bit binary of n, read backwards: 1 is `1000…0`, 5 is `1010…0`. Names that follow each other differ in their
 * first characters, which spreads them over the partitions of an object store; their order as strings says nothing.
 *
 * Other names in these directories (temporary files, leftovers) mean nothing and are passed over, as LanceDB does.
 *
 * @module
 */
import { join } from "node:path";
import { UsageError } from "../errors.js";

/** Directory of a table in which its shards are. */
export const MEM_WAL_DIRECTORY = "_mem_wal";

/** What the keys of log entries start with. */
export const WAL_PREFIX = "wal/";

/** What the keys of shard manifests start with. */
export const MANIFEST_PREFIX = "manifest/";

/** Where a hint lies at the newest version of the shard manifest: `{"version":N}`. */
export const VERSION_HINT_KEY = "manifest/version_hint.json";

const WAL_SUFFIX = ".arrow";
const MANIFEST_SUFFIX = ".binpb";
const DIGITS = 64;
const REVERSED = /^[01]{64}$/;

/**
 * The 64 binary digits of `n`, lowest first.
 *
 * @throws UsageError unless `n` is a whole number from 0 to 2^53 − 1
 */
export function reverseBits64(n: number): string {
  if (!Number.isSafeInteger(n) || n < 0) {
    throw new UsageError(`${n} names no object; expected a whole number from 0 to 2^53 − 1`);
  }
  const binary = n.toString(2);
  let reversed = "";
  for (let i = binary.length - 1; i >= 0; i--) reversed += binary[i];
  return reversed.padEnd(DIGITS, "0");
}

/** The number that {@link reverseBits64} made this of; undefined for anything else, and for numbers above 2^53 − 1. */
export function parseReversed(stem: string): number | undefined {
  if (!REVERSED.test(stem)) return undefined;
  const high = stem.lastIndexOf("1");
  let n = 0;
  for (let i = high; i >= 0; i--) n = n * 2 + (stem[i] === "1" ? 1 : 0);
  return high < 53 ? n : undefined;
}

/** Key of the log entry at `position`. @throws UsageError unless it is a whole number from 0 to 2^53 − 1 */
export function walKey(position: number): string {
  return `${WAL_PREFIX}${reverseBits64(position)}${WAL_SUFFIX}`;
}

/** Position of the log entry under this key, undefined when it is no log entry's. */
export function parseWalKey(key: string): number | undefined {
  return parseKey(key, WAL_PREFIX, WAL_SUFFIX);
}

/** Key of a version of the shard manifest. @throws UsageError unless it is a whole number from 0 to 2^53 − 1 */
export function manifestKey(version: number): string {
  return `${MANIFEST_PREFIX}${reverseBits64(version)}${MANIFEST_SUFFIX}`;
}

/** Version of the shard manifest under this key, undefined when it is no manifest's. */
export function parseManifestKey(key: string): number | undefined {
  return parseKey(key, MANIFEST_PREFIX, MANIFEST_SUFFIX);
}

/**
 * Directory of a shard.
 *
 * @param tableDirectory `<database>/<table>.lance`
 * @param shardId UUID with hyphens, in lower case
 */
export function shardDirectory(tableDirectory: string, shardId: string): string {
  return join(tableDirectory, MEM_WAL_DIRECTORY, shardId);
}

function parseKey(key: string, prefix: string, suffix: string): number | undefined {
  if (!key.startsWith(prefix) || !key.endsWith(suffix)) return undefined;
  return parseReversed(key.slice(prefix.length, -suffix.length));
}
