/** Kernels of several threads on one memory at once. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { bundle } from "../../test/bundle.js";
import { SCRATCH_BYTES, SOURCE_BYTES, sourceBytes } from "./exercise.fixture.js";
import type { ThreadInput } from "./threads.fixture.js";

const THREADS = 4;
const ROUNDS = 150;
const SEED = 12_345;
const SOURCE_AT = 65_536;
const GUARD_BYTES = 64;

it("threads with scratch of their own do not disturb each other, nor any other byte", async () => {
  const path = await bundle(new URL("./threads.fixture.ts", import.meta.url));
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
  const bytes = Buffer.from(memory.buffer).fill(0x77);
  bytes.set(sourceBytes(SEED), SOURCE_AT);
  const scratchAt = (thread: number) => SOURCE_AT + SOURCE_BYTES + GUARD_BYTES + thread * (SCRATCH_BYTES + GUARD_BYTES);
  const answers = await Promise.all(
    Array.from({ length: THREADS }, async (_, thread) => {
      const input: ThreadInput = { memory, source: SOURCE_AT, scratch: scratchAt(thread), seed: SEED, rounds: ROUNDS };
      const worker = new Worker(path, { workerData: input });
      try {
        const [answer]: unknown[] = await once(worker, "message");
        return answer;
      } finally {
        await worker.terminate();
      }
    }),
  );
  expect(answers).toEqual(Array.from({ length: THREADS }, () => ({ kind: "wasm", rounds: ROUNDS, wrong: 0 })));
  // What lies outside the scratches is as it was; instantiation brought nothing.
  const expected = Buffer.alloc(bytes.length, 0x77);
  expected.set(sourceBytes(SEED), SOURCE_AT);
  for (let thread = 0; thread < THREADS; thread++) {
    const at = scratchAt(thread);
    bytes.copy(expected, at, at, at + SCRATCH_BYTES);
  }
  expect(bytes.equals(expected)).toBe(true);
});
