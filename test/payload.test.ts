/**
 * The bytes an append reports, held against apache-arrow's own encoding of the same slice.
 *
 * apache-arrow rounds each buffer's length up to 8 bytes, so lengths are compared as rounded. Where it departs from the
 * columnar format, and we do not:
 * - of a Bool column of nulls only it writes no values;
 * - values and offsets that the source left out, because all rows are null or there are none, it leaves out as well;
 * - of a slice it may write bits that lie beyond it, so bitmaps are only held to be no longer than its own: `stream-layout.test.ts` knows
 *   their exact lengths;
 * - of a sliced nested column it may write children whole: such are compared unsliced only.
 */
import { DataType, Field, Int32, List, type RecordBatch, Table, tableToIPC, Utf8, vectorFromArray } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileBatchPlan } from "../src/arrow/batch-plan.js";
import type { BufferRole, Column } from "../src/arrow/columns/column.js";
import { arbitraryBatch } from "./arrow-arbitrary.js";
import { type WalkedMessage, walk } from "./ipc-walk.js";
import { emptyStore } from "./stores.js";

const ROLES: readonly BufferRole[] = ["validity", "offsets", "values", "typeIds"];

interface Appended {
  readonly bytes: number;
  readonly message: WalkedMessage;
  readonly columns: readonly Column[];
}

function append(batch: RecordBatch): Appended {
  using store = emptyStore(batch.schema);
  const { bytes } = store.append(batch);
  const message = walk(Buffer.concat(store.ipcParts())).at(-1);
  if (message === undefined) throw new Error("no message");
  return { bytes, message, columns: compileBatchPlan(store.schema).columns };
}

/** The batch as apache-arrow encodes it. */
function encoded(batch: RecordBatch): WalkedMessage | undefined {
  const stream = tableToIPC(new Table([batch]));
  return walk(stream).find(({ dictionaryId }) => dictionaryId === undefined);
}

function sumOf({ batch }: WalkedMessage): number {
  return batch.buffers.reduce((sum, { length }) => sum + length, 0);
}

function expectAlike(columns: readonly Column[], ours: WalkedMessage, theirs: WalkedMessage): void {
  for (const column of columns) {
    const { length = 0, nullCount = 0 } = ours.batch.nodes[column.node] ?? {};
    for (const role of ROLES) {
      const index = column.bufferOf(role) ?? -1;
      const own = ours.batch.buffers[index]?.length;
      const other = theirs.batch.buffers[index]?.length;
      if (own === undefined || (other === 0 && role !== "validity" && nullCount === length)) continue;
      const bits = role === "validity" || (role === "values" && DataType.isBool(column.type));
      const rounded = 8 * Math.ceil(own / 8);
      expect([column.path, role, bits ? Math.max(rounded, other ?? 0) : rounded]).toEqual([column.path, role, other]);
    }
    expectAlike(column.children, ours, theirs);
  }
}

describe("the bytes of an append", () => {
  it("are those of its buffers without padding, for every type and slice", () => {
    fc.assert(
      fc.property(arbitraryBatch({ maxColumns: 3, maxRows: 20 }), (batch) => {
        const { bytes, message } = append(batch);
        expect(bytes).toBe(sumOf(message));
      }),
      { numRuns: 200 },
    );
  });

  it("are those of apache-arrow's encoding of the slice, for flat types", () => {
    // tableToIPC throws on a slice of large strings or large binary values.
    const flat = arbitraryBatch({ minColumns: 1, maxDepth: 0, maxRows: 100, without: ["largeUtf8", "largeBinary"] });
    fc.assert(
      fc.property(flat, (batch) => {
        const { message, columns } = append(batch);
        const theirs = encoded(batch);
        if (theirs) expectAlike(columns, message, theirs);
        else expect(batch.numRows).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("are those of apache-arrow's encoding, for nested types", () => {
    // Slices of large strings and binary values do not occur where lists are not sliced.
    const nested = arbitraryBatch({ minColumns: 1, plain: true, minRows: 1, maxRows: 20 });
    fc.assert(
      fc.property(nested, (batch) => {
        const { message, columns } = append(batch);
        const theirs = encoded(batch);
        if (theirs) expectAlike(columns, message, theirs);
      }),
      { numRuns: 200 },
    );
  });

  it("count the rows of a slice, not the buffers it was cut from", () => {
    const tags = Array.from({ length: 1000 }, (_, i) => (i % 10 === 9 ? null : [`tag ${i}`, "x"]));
    const table = new Table({
      id: vectorFromArray(
        tags.map((_, i) => i),
        new Int32(),
      ),
      tags: vectorFromArray(tags, new List(new Field("item", new Utf8(), true))),
    });
    const [whole] = table.batches;
    const slice = whole?.slice(101, 109);
    if (!slice) throw new Error("no batch");
    const ids = 8 * 4;
    const lists = 9 * 4; // no null among these rows, so no bitmap
    const items = (2 * 8 + 1) * 4 + 8 * ("tag 101".length + 1);
    expect(append(slice).bytes).toBe(ids + lists + items);
    expect(append(slice.slice(3, 3)).bytes).toBe(4 + 4); // of no rows, one offset each
  });
});
