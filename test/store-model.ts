/**
 * A model of the batch store: a plain array, and a driver that takes a real store and the model through the same steps and holds
 * everything that can be observed of the one against the other.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Field, Int64, type RecordBatch, RecordBatchStreamReader, Schema } from "apache-arrow";
import fc from "fast-check";
import { type ErrorCode, FullError, PennonError } from "../src/errors.js";
import { dataStart, publishedBytes, streamOf } from "../src/store/arena.fixture.js";
import { BatchStore } from "../src/store/batch-store.js";
import { SLOT_BYTES } from "../src/store/layout.js";
import { batchOf } from "./arrow-arbitrary.js";
import { pairBatch, seededBatch } from "./batches.js";
import { rowsOf } from "./plain-model.js";

/** A batch to append: what it is made from, and how it is cut. */
export interface BatchSpec {
  readonly seed: number;
  readonly rows: number;
  /** Rows to cut off before it. */
  readonly skip: number;
}

/** A bound within the store, or past its end. */
type Bound = number | undefined;

const otherSchema = new Schema([new Field("other", new Int64(), true)]);

/** What is done to the store. */
export type Step =
  | { readonly do: "append"; readonly batch: BatchSpec }
  | { readonly do: "appendAll"; readonly batches: readonly BatchSpec[] }
  | {
      readonly do: "appendWrong";
      readonly wrong: "schema" | "malformed" | "value" | "tooLarge";
      readonly before: readonly BatchSpec[];
      readonly after: readonly BatchSpec[];
    }
  | {
      readonly do: "iterate";
      readonly from: Bound;
      readonly to: Bound;
      readonly reverse: boolean;
      readonly meanwhile: BatchSpec;
    }
  | { readonly do: "reverseRows"; readonly from: Bound; readonly to: Bound; readonly reverse: boolean }
  | { readonly do: "stream"; readonly from: number; readonly to: number }
  | { readonly do: "visible"; readonly bound: number }
  | { readonly do: "durable"; readonly by: "writer" | "reader"; readonly move: number }
  | { readonly do: "recycle" | "reopen" | "takeover" | "reattach" | "finish" };

const batchSpec: fc.Arbitrary<BatchSpec> = fc.record({
  seed: fc.noShrink(fc.nat()),
  rows: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 })),
  skip: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 13 })),
});
const position = fc.integer({ min: 0, max: 40 });
const optional = fc.option(position, { nil: undefined });
const few = fc.array(batchSpec, { maxLength: 3 });

/** An arbitrary list of steps; appends are the most frequent. */
export const arbitrarySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 40, arbitrary: fc.record({ do: fc.constant("append" as const), batch: batchSpec }) },
    {
      weight: 25,
      arbitrary: fc.record({ do: fc.constant("appendAll" as const), batches: fc.array(batchSpec, { maxLength: 5 }) }),
    },
    {
      weight: 15,
      arbitrary: fc.record({
        do: fc.constant("appendWrong" as const),
        wrong: fc.constantFrom("schema" as const, "malformed" as const, "value" as const, "tooLarge" as const),
        before: few,
        after: few,
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("iterate" as const),
        from: optional,
        to: optional,
        reverse: fc.boolean(),
        meanwhile: batchSpec,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("reverseRows" as const),
        from: optional,
        to: optional,
        reverse: fc.boolean(),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("stream" as const), from: position, to: position }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("visible" as const), bound: position }) },
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant("durable" as const),
        by: fc.constantFrom("writer" as const, "reader" as const),
        move: fc.integer({ min: -3, max: 12 }),
      }),
    },
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constantFrom("reopen" as const, "takeover" as const, "reattach" as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("recycle" as const, "finish" as const) }) },
  ),
  { minLength: 1, maxLength: 70, size: "max" },
);

interface ModelBatch {
  readonly rows: unknown[][];
  readonly bytes: number;
}

/** What one append is expected to do. */
interface Candidate {
  readonly value: unknown;
  /** What will be read back; undefined when the value is to be refused. */
  readonly batch: ModelBatch | undefined;
  /** Bytes of arena for the message. */
  readonly need: number;
}

/** The size of a store, and the schema of its batches. */
export interface ModelOptions {
  readonly schema: Schema;
  readonly bytes: number;
  readonly capacity: number;
  /** False where dictionaries make it hard to say what a batch takes: then the store must be large enough for all. */
  readonly predictBytes: boolean;
  /** A batch that needs more bytes than there are. */
  readonly tooLarge: RecordBatch;
}

/** A store, its model, and the steps that both are taken through. */
export class StoreModel {
  /** What came of the appends so far. */
  readonly outcomes = new Set<string>();
  readonly #options: ModelOptions;
  /** Tells how large batches are: they are appended to it first, one at a time. */
  readonly #probe: BatchStore;
  readonly #tooLarge: Candidate;
  #writer: BatchStore;
  #reader: BatchStore;
  #batches: ModelBatch[] = [];
  #tail: number;
  #durable = 0;
  #durableOwner: "writer" | "reader" | undefined;
  #finished = false;
  #published = Buffer.alloc(0);

  constructor(options: ModelOptions) {
    const { schema, bytes, capacity } = options;
    this.#options = options;
    this.#probe = BatchStore.create({ schema, bytes: 4 << 20, prefault: false });
    this.#writer = BatchStore.create({ schema, bytes, capacity, prefault: false });
    this.#reader = BatchStore.attach(this.#writer.handle());
    this.#tail = dataStart(this.#writer);
    this.#tooLarge = { value: options.tooLarge, batch: undefined, need: 0 };
  }

  /** How many batches the model holds. */
  get length(): number {
    return this.#batches.length;
  }

  /** Does one step to both, and compares them. */
  run(step: Step): void {
    this.#do(step);
    this.check();
  }

  /** Compares all that can be observed without reading rows. */
  check(): void {
    const { capacity, bytes } = this.#options;
    const length = this.#batches.length;
    const rows = sum(this.#batches.map((batch) => batch.rows.length));
    const byteSum = sum(this.#batches.map((batch) => batch.bytes));
    for (const store of [this.#writer, this.#reader]) {
      const snapshot = store.snapshot();
      assert.deepEqual(
        [snapshot.length, snapshot.rows, snapshot.bytes, store.length, store.totalRows, store.totalBytes],
        [length, rows, byteSum, length, rows, byteSum],
      );
      if (this.#options.predictBytes) assert.equal(snapshot.arenaBytes, this.#tail + SLOT_BYTES * length);
      assert.equal(store.remainingBytes, bytes - snapshot.arenaBytes);
      assert.equal(store.isEmpty, length === 0);
      assert.equal(store.isFull, length === capacity);
      assert.equal(store.remaining, capacity - length);
      assert.equal(store.lastPosition, length === 0 ? undefined : length - 1);
      assert.equal(store.finished, this.#finished);
      assert.equal(store.durable, this.#durable);
      assert.equal(store.pendingCount, length - this.#durable);
      assert.equal(store.isDurable, length === this.#durable);
      assert.deepEqual(store.pending, length === this.#durable ? undefined : { from: this.#durable, to: length });
      assert.equal(store.get(length), undefined);
    }
    assert.deepEqual([this.#writer.writable, this.#reader.writable], [true, false]);
    assert.equal(this.#writer.readers, 1);
    this.#checkPublished();
  }

  /** Reads every row of every batch, through both handles. */
  checkRows(): void {
    for (const store of [this.#writer, this.#reader]) this.#checkBatches(store.storedBatches(), this.#positions());
  }

  /** Published bytes never change: messages grow at their end, slots at their beginning. */
  #checkPublished(): void {
    const now = publishedBytes(this.#reader);
    const slots = SLOT_BYTES * this.#reader.length;
    const messages = now.subarray(0, now.length - slots);
    const before = this.#published;
    assert.ok(messages.subarray(0, before.length).equals(before), "published bytes have changed");
    this.#published = Buffer.from(messages);
  }

  #do(step: Step): void {
    const length = this.#batches.length;
    switch (step.do) {
      case "append":
        this.#append([this.#candidate(step.batch)], true);
        break;
      case "appendAll":
        this.#append(
          step.batches.map((spec) => this.#candidate(spec)),
          false,
        );
        break;
      case "appendWrong": {
        const [before, after] = [step.before, step.after].map((specs) => specs.map((spec) => this.#candidate(spec)));
        const group = [...(before ?? []), this.#wrong(step.wrong), ...(after ?? [])];
        this.#append(group, group.length === 1);
        break;
      }
      case "iterate":
        this.#iterate(step);
        break;
      case "reverseRows": {
        const positions = this.#positions(step);
        const batches = this.#reader.batches({ ...range(step), reverse: step.reverse, reverseRows: true });
        const expected = positions.map((i) => (this.#batches[i]?.rows ?? []).toReversed());
        assert.deepEqual(batches.map(rowsOf), expected);
        break;
      }
      case "stream":
        this.#stream(step.from, step.to);
        break;
      case "visible": {
        const positions = this.#positions({ to: step.bound });
        assert.deepEqual(this.#reader.positions({ to: step.bound }), positions);
        for (let i = 0; i < length + 3; i++) assert.equal(this.#reader.isVisible(i, step.bound), positions.includes(i));
        this.#checkBatches(this.#reader.storedBatches({ to: step.bound }), positions);
        break;
      }
      case "durable": {
        const count = this.#durable + step.move;
        const free = this.#durableOwner === undefined || this.#durableOwner === step.by;
        const legal = count >= this.#durable && count <= length;
        const store = step.by === "writer" ? this.#writer : this.#reader;
        assert.equal(
          outcome(() => store.advanceDurable(count)),
          !free ? "Conflict" : !legal ? "Usage" : undefined,
        );
        if (free && legal) {
          this.#durable = count;
          this.#durableOwner = step.by;
        }
        break;
      }
      case "recycle":
        this.#recycle();
        break;
      case "reopen": {
        const handle = this.#writer.handle();
        this.#writer.close();
        this.#disown("writer");
        this.#writer = BatchStore.attachWriter(handle, { prefault: false });
        break;
      }
      case "takeover": {
        const former = this.#writer;
        assert.equal(
          outcome(() => BatchStore.attachWriter(former.handle())),
          "Conflict",
        );
        this.#writer = BatchStore.attachWriter(former.handle(), { takeover: true, prefault: false });
        assert.equal(
          outcome(() => former.append(pairBatch(1))),
          "Conflict",
        );
        former.close();
        break;
      }
      case "reattach":
        this.#reader.close();
        this.#disown("reader");
        this.#reader = BatchStore.attach(this.#writer.handle(), { cachedBatches: 8 });
        break;
      case "finish":
        this.#writer.finish();
        this.#finished = true;
        break;
    }
  }

  #append(group: readonly Candidate[], single: boolean): void {
    if (group.length === 0 && this.#finished) return;
    const expected = this.#expect(group);
    const values = group.map((candidate) => candidate.value);
    const store = this.#writer;
    let results: unknown;
    const found = outcome(() => {
      // As a user without types could call it.
      results = single
        ? [Reflect.apply(store.append, store, [values[0]])]
        : Reflect.apply(store.appendAll, store, [values]);
    });
    assert.equal(found, expected);
    this.outcomes.add(found ?? "appended");
    if (expected !== undefined) return;
    const made = group.map(({ batch, need }) => {
      if (batch === undefined) throw new Error("a wrong batch was expected to be appended");
      const result = {
        position: this.#batches.length,
        rowOffset: sum(this.#batches.map(({ rows }) => rows.length)),
        bytes: batch.bytes,
      };
      this.#batches.push(batch);
      this.#tail += need;
      return result;
    });
    assert.deepEqual(results, made);
    const first = made[0]?.position ?? this.#batches.length;
    for (const each of [this.#writer, this.#reader]) {
      this.#checkBatches(each.storedBatches({ from: first }), this.#positions({ from: first }));
    }
  }

  /** The code of the error that appending `group` must throw, undefined when it must succeed. */
  #expect(group: readonly Candidate[]): string | undefined {
    const { bytes, capacity, predictBytes } = this.#options;
    if (group.length === 0) return undefined;
    if (this.#finished) return "Closed";
    const length = this.#batches.length + group.length;
    if (group.length > capacity) return "Usage";
    if (length > capacity) return "Full batches";
    let tail = this.#tail;
    for (const { batch, need } of group) {
      if (batch === undefined) return "Usage";
      tail += need;
      // What does not fit into the empty store never will.
      const never = this.#batches.length === 0 || need > bytes - dataStart(this.#writer) - SLOT_BYTES;
      if (predictBytes && tail > bytes - SLOT_BYTES * length) return never ? "Usage" : "Full bytes";
    }
    return undefined;
  }

  #candidate({ seed, rows, skip }: BatchSpec): Candidate {
    const whole = seededBatch(this.#options.schema, seed, rows + skip);
    const batch = whole.slice(skip);
    const { bytes } = this.#probe.append(batch);
    const need = this.#probe.get(0)?.arenaBytes ?? 0;
    this.#probe.recycle();
    return { value: batch, batch: { rows: rowsOf(batch), bytes }, need };
  }

  #wrong(kind: "schema" | "malformed" | "value" | "tooLarge"): Candidate {
    const { schema } = this.#options;
    const value = (): unknown => {
      switch (kind) {
        case "schema":
          return seededBatch(otherSchema, 1, 3);
        case "value":
          return { rows: 3 };
        default: {
          const { data } = seededBatch(schema, 1, 9);
          const last = data.children.length - 1;
          return batchOf(
            schema,
            9,
            data.children.map((child, i) => (i === last ? child.slice(0, 8) : child)),
          );
        }
      }
    };
    return kind === "tooLarge" ? this.#tooLarge : { value: value(), batch: undefined, need: 0 };
  }

  #iterate(step: Step & { readonly do: "iterate" }): void {
    const positions = this.#positions(step);
    const iterator = this.#reader.iterate({ ...range(step), reverse: step.reverse });
    const seen: number[] = [];
    assert.equal(iterator.remaining, positions.length);
    for (const batch of iterator) {
      seen.push(batch.position);
      assert.equal(iterator.remaining, positions.length - seen.length);
      if (seen.length === 1) this.#append([this.#candidate(step.meanwhile)], true);
    }
    assert.deepEqual(seen, positions);
    assert.equal(iterator.remaining, 0);
    const again = this.#positions(step);
    assert.deepEqual(this.#reader.positions({ ...range(step), reverse: step.reverse }), again);
    this.#checkBatches(this.#reader.storedBatches({ ...range(step), reverse: step.reverse }), again);
  }

  /** The bytes handed out for a range are read by apache-arrow; without dictionaries they are those of a store of these batches alone. */
  #stream(from: number, to: number): void {
    const positions = this.#positions({ from, to });
    const stream = streamOf(this.#reader, from, to);
    const rows = [...RecordBatchStreamReader.from(stream)].flatMap(rowsOf);
    assert.deepEqual(
      rows,
      positions.flatMap((i) => this.#batches[i]?.rows ?? []),
    );
    const { schema, predictBytes } = this.#options;
    if (!predictBytes) return;
    const copy = BatchStore.create({ schema, bytes: 4 << 20, prefault: false });
    for (const batch of this.#reader.batches({ from, to })) copy.append(batch);
    assert.ok(stream.equals(streamOf(copy)), `stream of ${from} to ${to}`);
  }

  #recycle(): void {
    const handle = this.#writer.handle();
    assert.equal(
      outcome(() => this.#writer.recycle()),
      "Conflict",
    );
    this.check();
    this.#reader.close();
    this.#writer.recycle();
    assert.equal(
      outcome(() => BatchStore.attach(handle)),
      "Gone",
    );
    this.#reader = BatchStore.attach(this.#writer.handle());
    this.#batches = [];
    this.#tail = dataStart(this.#writer);
    this.#durable = 0;
    this.#durableOwner = undefined;
    this.#finished = false;
    this.#published = Buffer.alloc(0);
  }

  #disown(owner: "writer" | "reader"): void {
    if (this.#durableOwner === owner) this.#durableOwner = undefined;
  }

  #positions(bounds: { readonly from?: Bound; readonly to?: Bound; readonly reverse?: boolean } = {}): number[] {
    const all = this.#batches.map((_, i) => i).slice(bounds.from ?? 0, bounds.to ?? this.#batches.length);
    return bounds.reverse ? all.reverse() : all;
  }

  #checkBatches(
    found: readonly { position: number; rows: number; rowOffset: number; bytes: number; recordBatch: RecordBatch }[],
    positions: readonly number[],
  ): void {
    assert.deepEqual(
      found.map((batch) => batch.position),
      positions,
    );
    for (const batch of found) {
      const expected = this.#batches[batch.position];
      const before = sum(this.#batches.slice(0, batch.position).map(({ rows }) => rows.length));
      assert.deepEqual([batch.rows, batch.rowOffset, batch.bytes], [expected?.rows.length, before, expected?.bytes]);
      assert.deepEqual(rowsOf(batch.recordBatch), expected?.rows);
    }
  }
}

/** The code of the error that `action` throws, with the bound when something is full. */
function outcome(action: () => unknown): ErrorCode | `Full ${string}` | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof FullError) return `Full ${error.bound}`;
    if (error instanceof PennonError) return error.code;
    throw error;
  }
  return undefined;
}

function range({ from, to }: { readonly from: Bound; readonly to: Bound }): { from?: number; to?: number } {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
