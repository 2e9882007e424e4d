/**
 * Empty stores on every kind of memory, for tests of what appends leave in it.
 *
 * @module
 */
import type { SchemaLike } from "../src/arrow/shape.js";
import { arenaBuffer, dataStart, tailOf } from "../src/store/arena.fixture.js";
import type { ArenaMemory } from "../src/store/arena.js";
import { BatchStore, type StoreOptions } from "../src/store/batch-store.js";
import { WORD } from "../src/store/layout.js";

const ARENA_BYTES = 2_097_152;

/** The memory of a store: WebAssembly's or a bare buffer, new or full of the remains of former use. */
export type MemoryKind = "wasm" | "plain" | "dirty wasm" | "dirty plain";

export const MEMORY_KINDS: readonly MemoryKind[] = ["wasm", "plain", "dirty wasm", "dirty plain"];

/** An empty store with this handle as its writer. */
export function emptyStore(
  schema: SchemaLike,
  kind: MemoryKind = "wasm",
  options: Omit<StoreOptions, "schema"> = {},
): BatchStore {
  const store = BatchStore.create({ bytes: ARENA_BYTES, prefault: false, ...options, schema });
  if (kind === "wasm") return store;
  const { memory, generation } = store.handle();
  store.close();
  const kept = kind.endsWith("plain") ? copyOf(memory) : memory;
  if (kind.startsWith("dirty")) soil(bufferOf(kept));
  // A bare buffer gets the kernels that need no WebAssembly; a new writer learns from the header what may be dirty.
  return BatchStore.attachWriter({ kind: "pennon.BatchStore", memory: kept, generation }, { prefault: false });
}

/** A copy of the part of a store's arena that holds messages. */
export function messageBytes(store: BatchStore): Buffer {
  const begin = dataStart(store);
  return Buffer.concat([new Uint8Array(arenaBuffer(store), begin, tailOf(store) - begin)]);
}

function bufferOf(memory: ArenaMemory): ArrayBufferLike {
  return memory instanceof SharedArrayBuffer ? memory : memory.buffer;
}

function copyOf(memory: ArenaMemory): SharedArrayBuffer {
  const source = new Uint8Array(bufferOf(memory));
  const copy = new SharedArrayBuffer(source.byteLength);
  // Beyond the header and the schema a new arena is all zeros.
  new Uint8Array(copy).set(source.subarray(0, 65_536));
  return copy;
}

/** Where slots may come to lie memory is zero: the writer sees to that. */
const SLOT_ROOM_BYTES = 4_096;

function soil(buffer: ArrayBufferLike): void {
  const words = new Int32Array(buffer);
  const end = buffer.byteLength - SLOT_ROOM_BYTES;
  new Uint8Array(buffer).fill(0xff, words[WORD.DATA_START], end);
  words[WORD.DIRTY] = end / 64;
}
