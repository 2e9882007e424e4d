/** A worker that runs kernels on a shared memory beside others, in scratch of its own, and checks all it gets. */
import { isDeepStrictEqual } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import { exercise, SCRATCH_BYTES, SOURCE_BYTES, sourceBytes } from "./exercise.fixture.js";
import { createKernels } from "./kernels.js";

/** What the worker is given. */
export interface ThreadInput {
  readonly memory: WebAssembly.Memory;
  /** Address of the source, which all workers read. */
  readonly source: number;
  /** Address of this worker's scratch. */
  readonly scratch: number;
  readonly seed: number;
  readonly rounds: number;
}

/** What it answers. */
export interface ThreadResult {
  readonly kind: "wasm" | "plain";
  readonly rounds: number;
  readonly wrong: number;
}

function run({ memory, source, scratch, seed, rounds }: ThreadInput): ThreadResult {
  const twin = new ArrayBuffer(64 + SOURCE_BYTES + SCRATCH_BYTES);
  new Uint8Array(twin).set(sourceBytes(seed), 64);
  const plain = createKernels(undefined, twin);
  const expectedBytes = Buffer.from(twin, 64 + SOURCE_BYTES, SCRATCH_BYTES);
  const bytes = Buffer.from(memory.buffer, scratch, SCRATCH_BYTES);
  let kernels = createKernels(memory, memory.buffer);
  let wrong = 0;
  for (let round = 0; round < rounds; round++) {
    // Instantiating again must not touch the memory under the others.
    if (round % 8 === 0) kernels = createKernels(memory, memory.buffer);
    const expected = exercise(plain, 64, 64 + SOURCE_BYTES, seed + round);
    const results = exercise(kernels, source, scratch, seed + round);
    if (!isDeepStrictEqual(results, expected) || !bytes.equals(expectedBytes)) wrong++;
  }
  return { kind: kernels.kind, rounds, wrong };
}

parentPort?.postMessage(run(workerData));
