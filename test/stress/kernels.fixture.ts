/**
 * A thread that runs kernels on the batches of a store while they are appended, in a scratch region of its own, and holds every result
 * against the plain twin, byte for byte.
 */
import { isDeepStrictEqual } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import type { Kernels } from "../../src/kernels/interface.js";
import { PlainKernels } from "../../src/kernels/plain-kernels.js";
import type { NumberKind } from "../../src/kernels/statistics.js";
import { Arena } from "../../src/store/arena.js";
import { BatchStore } from "../../src/store/batch-store.js";
import { Control } from "../../src/store/control.js";
import type { StoreHandle } from "../../src/store/handle.js";
import { PAGE_BYTES } from "../../src/store/layout.js";
import { Scratch, type ScratchRegion } from "../../src/store/scratch.js";
import type { StoredBatch } from "../../src/store/stored-batch.js";
import { Random } from "../arrow-random-data.js";
import { rowsOf } from "../plain-model.js";
import { Board } from "./board.js";
import { Content } from "./content.js";
import { mix } from "./run.js";
import { sharedBuffer, Verifier } from "./verify.js";

/** What the worker is given. */
export interface KernelsInput {
  readonly seed: number;
  readonly round: number;
  readonly mostRows: number;
  readonly thread: number;
  readonly handle: StoreHandle;
  readonly board: SharedArrayBuffer;
}

/** What it answers. */
export interface KernelsResult {
  readonly kind: "wasm" | "plain";
  readonly batches: number;
  readonly results: number;
  /** Address of the scratch region. */
  readonly region: number;
}

const REVERSED_SAMPLE = 8;
const WAIT_MS = 20_000;

/**
 * The region is cut in two halves, and whatever is computed comes twice: once by a kernel, once by its twin.
 *
 * ```
 * │ indices │ kernel's results │ twin's results │ canary │
 * 0         n/4                n/2              3n/4     n
 * ```
 */
class Bench {
  results = 0;
  readonly #bytes: Buffer;
  readonly #quarter: number;
  readonly #region: ScratchRegion;
  readonly #canary: Buffer;
  readonly #kernels: Kernels;
  readonly #plain: Kernels;

  constructor(arena: Arena, region: ScratchRegion, thread: number) {
    this.#bytes = Buffer.from(arena.buffer, region.address, region.bytes);
    this.#region = region;
    this.#quarter = region.bytes / 4;
    this.#kernels = arena.kernels;
    this.#plain = new PlainKernels(arena.buffer);
    this.#canary = Buffer.alloc(this.#quarter, 17 * (thread + 1));
    this.#canary.copy(this.#bytes, 3 * this.#quarter);
  }

  /** Bytes of results at most. */
  get room(): number {
    return this.#quarter;
  }

  get indicesAt(): number {
    return this.#region.address;
  }

  indices(count: number, below: number, random: Random): void {
    const words = new Uint32Array(this.#bytes.buffer, this.indicesAt, count);
    for (let i = 0; i < count; i++) words[i] = random.below(below);
  }

  /** Runs `work` with both; what it returns and what it writes, up to `bytes`, must agree. */
  agree(name: string, bytes: number, work: (kernels: Kernels, out: number) => unknown): void {
    if (bytes > this.#quarter) throw new RangeError(`${name} needs ${bytes} bytes, the region has ${this.#quarter}`);
    const { address } = this.#region;
    const [first, second] = [this.#quarter, 2 * this.#quarter];
    this.#bytes.fill(0, first, first + bytes).fill(0, second, second + bytes);
    const found = work(this.#kernels, address + first);
    const wanted = work(this.#plain, address + second);
    if (!Object.is(found, wanted)) throw new Error(`${name}: ${String(found)}, its twin has ${String(wanted)}`);
    if (this.#bytes.compare(this.#bytes, second, second + bytes, first, first + bytes) !== 0) {
      throw new Error(`${name}: the result differs from its twin's`);
    }
    this.results++;
  }

  /** Nobody else may write to the region. */
  assertOwn(): void {
    if (this.#bytes.compare(this.#canary, 0, this.#quarter, 3 * this.#quarter) !== 0) {
      throw new Error("another thread wrote to this thread's scratch region");
    }
  }
}

function columnWork(store: BatchStore, bench: Bench, position: number, random: Random): void {
  const address = (value: number | undefined): number => value ?? 0;
  const numbers: readonly (readonly [string, NumberKind, number])[] = [
    ["i", "i32", 4],
    ["l", "i64", 8],
    ["f", "f64", 8],
  ];
  for (const [name, kind, width] of numbers) {
    const column = store.column(name);
    const rows = column.rows(position);
    const at = address(column.valuesAddress(position));
    const validity = address(column.validityAddress(position));
    bench.agree(`statistics of ${name}`, 64, (kernels, out) =>
      kernels.statistics(kind, at, validity, rows, position, out),
    );
    bench.agree(`checksum of ${name}`, 0, (kernels) => kernels.checksumFixed(at, width, validity, rows, position));
    const fitting = Math.min(rows, Math.floor(bench.room / width));
    bench.agree(`reversal of ${name}`, fitting * width, (kernels, out) =>
      kernels.reverseFixed(at, width, fitting, out),
    );
    if (rows === 0) continue;
    bench.indices(fitting, rows, random);
    bench.agree(`gathering of ${name}`, fitting * width, (kernels, out) =>
      kernels.gatherFixed(at, width, bench.indicesAt, fitting, out),
    );
  }
  const long = store.column("l");
  const float = store.column("f");
  const rows = long.rows(position);
  bench.agree("sum of l", 0, (kernels) => kernels.sumI64(address(long.valuesAddress(position)), rows));
  bench.agree("sum of f", 0, (kernels) => kernels.sumF64(address(float.valuesAddress(position)), rows));
  const text = store.column("s");
  const offsets = address(text.offsetsAddress(position));
  const data = address(text.valuesAddress(position));
  const validity = address(text.validityAddress(position));
  bench.agree("checksum of s", 0, (kernels) => kernels.checksumVar32(offsets, data, validity, rows, position));
  const half = Math.min(bench.room, 4 * rows + 4);
  const capacity = bench.room - half;
  const fitting = Math.min(rows, half / 4 - 1);
  // What lies behind the last value, inside the capacity, is not defined: only the offsets are compared, and the values by checksum.
  bench.agree("reversal of s", 4, (kernels, out) => {
    const done = kernels.reverseVar32(offsets, data, rows - fitting, fitting, out, out + half, capacity);
    const sum = kernels.checksumVar32(out, out + half, 0, done, 0);
    kernels.fill(out, 0, 4);
    return done * 0x1_0000_0000 + sum;
  });
  const bits = store.column("b");
  bench.agree("reversal of b", Math.ceil(rows / 8), (kernels, out) =>
    kernels.reverseBits(address(bits.valuesAddress(position)), 0, rows, out),
  );
}

function run({ seed, round, mostRows, thread, handle, board: words }: KernelsInput): KernelsResult {
  const store = BatchStore.attach(handle);
  const arena = new Arena(handle.memory);
  const control = new Control(arena);
  const scratch = new Scratch(arena, control, control.identity(arena.bytes / PAGE_BYTES));
  const { region } = scratch;
  if (region === undefined) throw new Error("no scratch region is free");
  const bench = new Bench(arena, region, thread);
  const content = new Content(seed, round, mostRows);
  const verifier = new Verifier(store, content, sharedBuffer(handle));
  const random = new Random(mix(seed, thread));
  new Board(words).attached(thread, 0);

  function read({ position }: StoredBatch): void {
    columnWork(store, bench, position, random);
    if (mix(thread, position) % REVERSED_SAMPLE === 0) {
      const [reversed] = store.batches({ from: position, to: position + 1, reverseRows: true });
      const wanted = rowsOf(content.batch(position)).reverse();
      if (reversed === undefined || !isDeepStrictEqual(rowsOf(reversed), wanted)) {
        throw new Error(`batch ${position}: its reversed rows differ`);
      }
    }
    bench.assertOwn();
  }

  let seen = 0;
  for (;;) {
    const ended = store.finished;
    const length = store.waitForLengthSync(Math.min(seen + 1, store.capacity), { timeout: WAIT_MS });
    for (const batch of store.iterate({ from: seen, to: length })) read(batch);
    seen = length;
    if (ended) break;
  }
  // Nothing that any thread's kernels did has changed a byte.
  for (const batch of store) verifier.batch(batch);
  const result = { kind: arena.kernels.kind, batches: seen, results: bench.results, region: region.address };
  scratch.release();
  store.close();
  return result;
}

parentPort?.postMessage(run(workerData));
