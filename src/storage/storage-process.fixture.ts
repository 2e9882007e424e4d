/**
 * A process of its own that puts objects into a local store. Arguments: the mode, the store's directory.
 *
 * - `race`: told to, creates the objects wal/0 … wal/29 in order, and reports which of them it has created.
 * - `endless`: creates wal/0, wal/1 … until it is killed; reports each once it is created.
 * - `traced`: puts wal/0, says so in a system call that a tracer sees, puts wal/1, and prints what became of that.
 */
import { writeSync } from "node:fs";
import { PennonError } from "../errors.js";
import { LocalStore } from "./local-store.js";
import { ObjectExistsError } from "./object-store.js";

export const RACE_OBJECTS = 30;
export const MARK = "between the puts";
const OBJECT_BYTES = 100_000;

/** Contents that tell of object number `index`, and by whom it was put, in every 8 bytes. */
export function contentsOf(index: number, writer: number): Uint8Array {
  const words = new Uint32Array(OBJECT_BYTES / 4);
  for (let i = 0; i < words.length; i += 2) {
    words[i] = index;
    words[i + 1] = writer;
  }
  return new Uint8Array(words.buffer);
}

async function race(store: LocalStore): Promise<void> {
  const won: number[] = [];
  for (let i = 0; i < RACE_OBJECTS; i++) {
    try {
      await store.putIfAbsent(`wal/${i}`, [contentsOf(i, process.pid)], { durable: i % 4 === 0 });
      won.push(i);
    } catch (error) {
      if (!(error instanceof ObjectExistsError)) throw error;
    }
  }
  process.send?.(won, undefined, {}, () => process.disconnect());
}

async function endless(store: LocalStore): Promise<void> {
  for (let i = 0; ; i++) {
    await store.putIfAbsent(`wal/${i}`, [contentsOf(i, 0)]);
    writeSync(1, `${i}\n`);
  }
}

async function traced(store: LocalStore): Promise<void> {
  await store.putIfAbsent("wal/0", [new Uint8Array(100)]);
  writeSync(1, `${MARK}\n`);
  const parts = [new Uint8Array(100), new Uint8Array(new SharedArrayBuffer(100))];
  const outcome = await store.putIfAbsent("wal/1", parts).then(
    () => ({ name: "created", retryable: false }),
    (error: unknown) =>
      error instanceof PennonError
        ? { name: error.name, retryable: error.retryable }
        : { name: String(error), retryable: false },
  );
  writeSync(1, `${JSON.stringify(outcome)}\n`);
}

async function main(mode: string, directory: string): Promise<void> {
  const store = new LocalStore(directory);
  if (mode === "race") {
    process.once("message", () => void race(store));
    process.send?.("ready");
  } else if (mode === "endless") await endless(store);
  else await traced(store);
}

const [, , mode, directory] = process.argv;
if (mode !== undefined && directory !== undefined && ["race", "endless", "traced"].includes(mode))
  void main(mode, directory);
