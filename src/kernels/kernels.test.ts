import { describe, expect, it } from "vitest";
import { exercise, SCRATCH_BYTES, SOURCE_BYTES, sourceBytes } from "./exercise.fixture.js";
import { createKernels } from "./kernels.js";

describe("createKernels", () => {
  it("takes WebAssembly on a shared memory, else the twin", () => {
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const alone = new WebAssembly.Memory({ initial: 1 });
    expect(createKernels(shared, shared.buffer).kind).toBe("wasm");
    expect(createKernels(alone, alone.buffer).kind).toBe("plain");
    expect(createKernels(undefined, shared.buffer).kind).toBe("plain");
    expect(createKernels(undefined, new ArrayBuffer(64)).kind).toBe("plain");
  });
});

/** What the twin gives at low addresses. */
function reference(seed: number) {
  const buffer = new ArrayBuffer(64 + SOURCE_BYTES + SCRATCH_BYTES);
  new Uint8Array(buffer).set(sourceBytes(seed), 64);
  const results = exercise(createKernels(undefined, buffer), 64, 64 + SOURCE_BYTES, seed);
  return { results, scratch: Buffer.from(buffer, 64 + SOURCE_BYTES, SCRATCH_BYTES) };
}

function largestMemory(): WebAssembly.Memory | undefined {
  try {
    return new WebAssembly.Memory({ initial: 65_536, maximum: 65_536, shared: true });
  } catch {
    return undefined;
  }
}

describe("addresses up to 4 GiB", () => {
  const memory = largestMemory();

  it.skipIf(!memory).each([
    ["around 2 GiB", 2 ** 31 - SOURCE_BYTES / 2, 2 ** 31 + SOURCE_BYTES],
    ["scratch across 2 GiB", 2 ** 31 + 2 ** 20, 2 ** 31 - 4096],
    ["source at the very end", 2 ** 32 - SOURCE_BYTES, 2 ** 32 - SOURCE_BYTES - SCRATCH_BYTES],
    ["scratch at the very end", 2 ** 32 - SOURCE_BYTES - SCRATCH_BYTES, 2 ** 32 - SCRATCH_BYTES],
  ])("%s", (_name, source, scratch) => {
    if (!memory) return;
    const bytes = new Uint8Array(memory.buffer);
    const seed = 2 ** 32 - 3;
    bytes.set(sourceBytes(seed), source);
    const expected = reference(seed);
    for (const kernels of [createKernels(memory, memory.buffer), createKernels(undefined, memory.buffer)]) {
      bytes.fill(0, scratch, scratch + SCRATCH_BYTES);
      expect(exercise(kernels, source, scratch, seed)).toEqual(expected.results);
      expect(Buffer.from(bytes.subarray(scratch, scratch + SCRATCH_BYTES)).equals(expected.scratch)).toBe(true);
    }
  });
});
