/**
 * What a base table says of its log: the details of its index `__lance_mem_wal`, which is an index in name only.
 *
 * ```
 * MemWalIndexDetails  1 snapshot_ts_millis  2 num_shards (uint32)  3 inline_snapshots?  7 repeated ShardingSpec
 *                     8 repeated maintained_indexes (string)  9 repeated CompactedSsTable  10 repeated IndexCatchupProgress
 *                     11 writer_config_defaults (map<string, string>)
 * ShardingSpec        1 spec_id (uint32)  2 repeated ShardingField
 * ShardingField       1 field_id (string)  2 repeated source_ids (int32)  3 transform?  4 expression?  5 result_type (string)
 *                     6 parameters (map<string, string>)
 * CompactedSsTable    1 UUID shard_id {1 uuid}  2 generation (uint64)
 * ```
 *
 * @module
 */
import { CorruptError } from "../errors.js";
import { LocalStore } from "../storage/local-store.js";
import type { ObjectStore } from "../storage/object-store.js";
import { readBaseManifest } from "./base-manifest.js";
import { formatUuid } from "./shard-id.js";
import { readMessage, type WireField } from "./wire-message.js";

/** How rows are spread over shards by one value made of them. */
export interface ShardingField {
  readonly fieldId: string;
  /** Ids of the columns that it is made of, in the table's schema. */
  readonly sourceIds: readonly number[];
  /** `unsharded`, `bucket` or `identity` as LanceDB 0.39 writes them. */
  readonly transform: string | undefined;
  readonly expression: string | undefined;
  /** Name of an Arrow type: `int32`, `utf8`. */
  readonly resultType: string;
  /** For `bucket`: `num_buckets`. */
  readonly parameters: ReadonlyMap<string, string>;
}

export interface ShardingSpec {
  readonly id: number;
  readonly fields: readonly ShardingField[];
}

/** SSTables of a shard up to this generation are in the base table. */
export interface CompactedSsTable {
  readonly shardId: string;
  readonly generation: number;
}

/** How far an index of the base table has come. */
export interface IndexCatchUp {
  readonly index: string;
  readonly compacted: readonly CompactedSsTable[];
}

export interface MemWalIndex {
  /** Version of the base table that this was read from. */
  readonly tableVersion: number;
  readonly numShards: number;
  readonly shardingSpecs: readonly ShardingSpec[];
  /** Names of the indexes that writers keep up to date. */
  readonly maintainedIndexes: readonly string[];
  readonly compacted: readonly CompactedSsTable[];
  /** How far indexes of the base table have come: rows of SSTables up to these generations are in them too. */
  readonly caughtUp: readonly IndexCatchUp[];
  /** What the table tells its writers, such as `max_memtable_rows`: text that is ignored where it cannot be read. */
  readonly writerConfigDefaults: ReadonlyMap<string, string>;
}

/** Name of the index in the manifest. */
export const MEM_WAL_INDEX = "__lance_mem_wal";
const DETAILS_TYPE = "lance.table.MemWalIndexDetails";

/**
 * Reads it from the newest version of a base table on disk.
 *
 * @param tableDirectory `<database>/<table>.lance`
 * @returns undefined when the table takes no writes through a log
 * @throws UsageError when the directory is no Lance table; CorruptError when the manifest is damaged
 */
export async function readMemWalIndex(tableDirectory: string): Promise<MemWalIndex | undefined> {
  const store = new LocalStore(tableDirectory);
  try {
    return await memWalIndexOf(store);
  } finally {
    await store.close();
  }
}

/** The same from any store. @param table rooted at the table's directory */
export async function memWalIndexOf(table: ObjectStore): Promise<MemWalIndex | undefined> {
  const { name, version, indexes } = await readBaseManifest(table);
  const index = indexes.find((candidate) => candidate.name === MEM_WAL_INDEX);
  if (index === undefined) return undefined;
  try {
    if (!isMemWalDetails(index.type)) {
      throw new CorruptError(`its details are of type ${JSON.stringify(index.type)}; expected /${DETAILS_TYPE}`);
    }
    return { tableVersion: version, ...decodeDetails(index.details) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new CorruptError(`${name}: the index ${MEM_WAL_INDEX} cannot be read: ${problem}`, { cause: error });
  }
}

/**
 * SSTables of a shard up to this generation are needed by no reader of this version of the base table: they are in it, and in every index
 * that is kept up to date. 0 is none.
 */
export function collectableThrough({ compacted, maintainedIndexes, caughtUp }: MemWalIndex, shardId: string): number {
  const generationOf = (tables: readonly CompactedSsTable[] | undefined): number =>
    tables?.find((table) => table.shardId === shardId)?.generation ?? 0;
  const indexes = maintainedIndexes.map((name) => caughtUp.find(({ index }) => index === name)?.compacted);
  return Math.min(generationOf(compacted), ...indexes.map(generationOf));
}

/** Whether the URL of a type is that of the details decoded here. */
export function isMemWalDetails(type: string): boolean {
  return type.slice(type.lastIndexOf("/") + 1) === DETAILS_TYPE;
}

function decodeDetails(encoded: Uint8Array): Omit<MemWalIndex, "tableVersion"> {
  let numShards = 0;
  const shardingSpecs: ShardingSpec[] = [];
  const maintainedIndexes: string[] = [];
  const compacted: CompactedSsTable[] = [];
  const caughtUp: IndexCatchUp[] = [];
  const writerConfigDefaults = new Map<string, string>();
  readMessage(encoded, (number, field) => {
    if (number === 2) numShards = field.uint32();
    else if (number === 7) shardingSpecs.push(decodeSpec(field.bytes()));
    else if (number === 8) maintainedIndexes.push(field.string());
    else if (number === 9) compacted.push(decodeCompacted(field.bytes()));
    else if (number === 10) caughtUp.push(decodeCatchUp(field.bytes()));
    else if (number === 11) addPair(writerConfigDefaults, field);
    else return false;
    return true;
  });
  return { numShards, shardingSpecs, maintainedIndexes, compacted, caughtUp, writerConfigDefaults };
}

function decodeSpec(encoded: Uint8Array): ShardingSpec {
  let id = 0;
  const fields: ShardingField[] = [];
  readMessage(encoded, (number, field) => {
    if (number === 1) id = field.uint32();
    else if (number === 2) fields.push(decodeField(field.bytes()));
    else return false;
    return true;
  });
  return { id, fields };
}

function decodeField(encoded: Uint8Array): ShardingField {
  let fieldId = "";
  const sourceIds: number[] = [];
  let transform: string | undefined;
  let expression: string | undefined;
  let resultType = "";
  const parameters = new Map<string, string>();
  readMessage(encoded, (number, field) => {
    if (number === 1) fieldId = field.string();
    else if (number === 2) sourceIds.push(...field.int32s());
    else if (number === 3) transform = field.string();
    else if (number === 4) expression = field.string();
    else if (number === 5) resultType = field.string();
    else if (number === 6) addPair(parameters, field);
    else return false;
    return true;
  });
  return { fieldId, sourceIds, transform, expression, resultType, parameters };
}

/** @throws Error when the bytes are no such message */
export function decodeCompacted(encoded: Uint8Array): CompactedSsTable {
  let shardId: Uint8Array = new Uint8Array();
  let generation = 0;
  readMessage(encoded, (number, field) => {
    if (number === 1) {
      readMessage(field.bytes(), (part, value) => {
        if (part !== 1) return false;
        shardId = value.bytes();
        return true;
      });
    } else if (number === 2) generation = field.uint64();
    else return false;
    return true;
  });
  return { shardId: formatUuid(shardId), generation };
}

function decodeCatchUp(encoded: Uint8Array): IndexCatchUp {
  let index = "";
  const compacted: CompactedSsTable[] = [];
  readMessage(encoded, (number, field) => {
    if (number === 1) index = field.string();
    else if (number === 2) compacted.push(decodeCompacted(field.bytes()));
    else return false;
    return true;
  });
  return { index, compacted };
}

/** One pair of a map, which is a message {1 key, 2 value}. */
function addPair(map: Map<string, string>, pair: WireField): void {
  let key = "";
  let value = "";
  readMessage(pair.bytes(), (number, field) => {
    if (number === 1) key = field.string();
    else if (number === 2) value = field.string();
    else return false;
    return true;
  });
  map.set(key, value);
}
