/**
 * The bloom filters of an SSTable: which keys are certainly not in it.
 *
 * ```
 * bloom_filter.bin     LanceDB's: 1024 blocks and nothing else, whatever the number of keys: 0.06 % false positives at 8,192 keys, 16 % at
 *                      50,000, 68 % at 100,000. LanceDB 0.39 never reads it.
 * pennon_filter.bin    ours: sized to the keys, at most 21 a block, which is 12 bits a key and at most 1 % of false positives
 *    0  "PENNONBF"
 *    8  u32  version, 1
 *   12  u32  blocks
 *   16  u32  keys
 *   20  u64  0
 *   28  u32  CRC-32 of bytes 0 to 28 and of the blocks
 *   32  the blocks, 32 bytes each
 * ```
 *
 * All numbers little-endian. How a block and its bits are chosen: split-block-filter.ts; what is hashed: key-hasher.ts.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CorruptError } from "../errors.js";
import { failureCode, readFailure } from "../storage/file-errors.js";
import { crc32 } from "./crc32.js";
import { BLOCK_BYTES, BLOCK_WORDS, MAX_BLOCKS, SplitBlockFilter } from "./split-block-filter.js";
import { FILTER_FILE } from "./ss-table-files.js";

const LANCE_BLOCKS = 1024;
const KEYS_A_BLOCK = 21;
const MAGIC = "PENNONBF";
const VERSION = 1;
const HEADER_BYTES = 32;
const CHECKSUM_AT = 28;

/** Our filter of one SSTable. */
export interface KeyFilter {
  /** How many keys it was made of. */
  readonly keys: number;
  /**
   * False when the SSTable has no key of this hash; true when it probably has one, which looking into it tells.
   *
   * @param low lower word of the hash, as `KeyHasher.forPennon` makes it
   * @param high upper word
   */
  mightHold(low: number, high: number): boolean;
}

/** The contents of LanceDB's file. @param hashes of `KeyHasher.forLance`: low and high words in turn */
export function encodeLanceFilter(hashes: Uint32Array): Uint8Array {
  const filter = new SplitBlockFilter(new Uint32Array(LANCE_BLOCKS * BLOCK_WORDS));
  filter.addAll(hashes, hashes.length / 2);
  return bytesOfWords(filter.words);
}

/** The contents of our file. @param hashes of `KeyHasher.forPennon`: low and high words in turn */
export function encodeKeyFilter(hashes: Uint32Array): Uint8Array {
  const keys = hashes.length / 2;
  const blocks = Math.min(MAX_BLOCKS, Math.max(1, Math.ceil(keys / KEYS_A_BLOCK)));
  const file = Buffer.alloc(HEADER_BYTES + blocks * BLOCK_BYTES);
  file.write(MAGIC, "latin1");
  file.writeUInt32LE(VERSION, 8);
  file.writeUInt32LE(blocks, 12);
  file.writeUInt32LE(keys, 16);
  const filter = new SplitBlockFilter(new Uint32Array(blocks * BLOCK_WORDS));
  filter.addAll(hashes, keys);
  file.set(bytesOfWords(filter.words), HEADER_BYTES);
  file.writeUInt32LE(checksum(file), CHECKSUM_AT);
  return file;
}

/**
 * LanceDB's filter, asked with hashes of `KeyHasher.forLance`.
 *
 * @param name what errors call these bytes: the file they come from
 * @throws CorruptError when they have another length
 */
export function decodeLanceFilter(file: Uint8Array, name: string): Pick<KeyFilter, "mightHold"> {
  if (file.byteLength !== LANCE_BLOCKS * BLOCK_BYTES) {
    throw new CorruptError(`${name} has ${file.byteLength} bytes; expected ${LANCE_BLOCKS * BLOCK_BYTES}`);
  }
  const filter = new SplitBlockFilter(wordsOfBytes(file));
  return { mightHold: (low, high) => filter.mightHold(low, high) };
}

/**
 * @param name what errors call these bytes: the file they come from
 * @throws CorruptError when they are no filter of ours, or were damaged
 */
export function decodeKeyFilter(file: Uint8Array, name: string): KeyFilter {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const problem = problemOf(bytes);
  if (problem !== undefined)
    throw new CorruptError(`${name} is no filter of keys: ${problem}; lookups go without it once it is removed`);
  const filter = new SplitBlockFilter(wordsOfBytes(bytes.subarray(HEADER_BYTES)));
  return { keys: bytes.readUInt32LE(16), mightHold: (low, high) => filter.mightHold(low, high) };
}

/**
 * Our filter of an SSTable.
 *
 * @param directory of the SSTable
 * @returns undefined when there is none, as in SSTables that LanceDB has written: any key may be in them
 * @throws CorruptError when it is damaged; StorageError, RetryableError when it cannot be read
 */
export async function readKeyFilter(directory: string): Promise<KeyFilter | undefined> {
  const path = join(directory, FILTER_FILE);
  let file: Uint8Array;
  try {
    file = await readFile(path);
  } catch (error) {
    if (failureCode(error) === "ENOENT") return undefined;
    throw readFailure(error, `Reading ${path}`);
  }
  return decodeKeyFilter(file, path);
}

function problemOf(bytes: Buffer): string | undefined {
  if (bytes.length < HEADER_BYTES + BLOCK_BYTES) return `it has ${bytes.length} bytes`;
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return `it does not start with ${MAGIC}`;
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) return `it has version ${version}, this version of Pennon reads ${VERSION}`;
  const expected = HEADER_BYTES + bytes.readUInt32LE(12) * BLOCK_BYTES;
  if (bytes.length !== expected) return `it has ${bytes.length} bytes; expected ${expected}`;
  if (bytes.readUInt32LE(CHECKSUM_AT) !== checksum(bytes)) return "its checksum is wrong";
  return undefined;
}

function checksum(file: Buffer): number {
  return crc32([file.subarray(0, CHECKSUM_AT), file.subarray(HEADER_BYTES)]);
}

function bytesOfWords({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** In memory of their own, as files are read to any address. */
function wordsOfBytes(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}
