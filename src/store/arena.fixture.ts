/** What tests look at behind a store's back: the bytes and control words of its arena. */
import type { BatchStore } from "./batch-store.js";
import { HEADER_BYTES, SLOT_BYTES, WORD } from "./layout.js";

/** The shared memory of a store. */
export function arenaBuffer(store: BatchStore): SharedArrayBuffer {
  const { memory } = store.handle();
  const buffer = memory instanceof SharedArrayBuffer ? memory : memory.buffer;
  if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError("an arena must be shared memory");
  return buffer;
}

/** The control words of a store. */
export function words(store: BatchStore): Int32Array {
  return new Int32Array(arenaBuffer(store));
}

/** A control word. */
export function word(store: BatchStore, name: keyof typeof WORD): number {
  return Atomics.load(words(store), WORD[name]);
}

/** Address of the first message. */
export function dataStart(store: BatchStore): number {
  return word(store, "DATA_START");
}

/** Address behind the last message. */
export function tailOf(store: BatchStore): number {
  const { length, arenaBytes } = store.snapshot();
  return arenaBytes - SLOT_BYTES * length;
}

/** A copy of all that is published: messages, then slots, newest first. */
export function publishedBytes(store: BatchStore): Buffer {
  const buffer = arenaBuffer(store);
  const begin = dataStart(store);
  const slots = SLOT_BYTES * store.length;
  return Buffer.concat([
    Buffer.from(buffer, begin, tailOf(store) - begin),
    Buffer.from(buffer, buffer.byteLength - slots, slots),
  ]);
}

/** A copy of the schema message. */
export function schemaBytes(store: BatchStore): Buffer {
  return Buffer.from(Buffer.from(arenaBuffer(store), HEADER_BYTES, word(store, "SCHEMA_BYTES")));
}

/** The stream that `ipcParts` describes, as one plain buffer. */
export function streamOf(store: BatchStore, from?: number, to?: number): Buffer {
  return Buffer.concat(store.ipcParts(from, to));
}
