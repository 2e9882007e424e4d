/**
 * Every Arrow type through a store and back: what `rowsOf` reads out of the source's own buffers is what every way out gives.
 */
import { inspect } from "node:util";
import { type RecordBatch, type Schema, tableFromIPC } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TypeLike } from "../src/arrow/shape.js";
import { BatchStore } from "../src/store/batch-store.js";
import { arbitraryBatchOf, arbitrarySchema, type SchemaOptions } from "./arrow-arbitrary.js";
import { flechetteRows } from "./flechette-rows.js";
import { allTypes, type BatchRows, rowsOf } from "./plain-model.js";
import { emptyStore, MEMORY_KINDS, messageBytes } from "./stores.js";

interface Case {
  readonly schema: Schema;
  readonly batches: readonly RecordBatch[];
  /** Ends of a range of batches, in no order. */
  readonly bounds: readonly [number, number];
}

function arbitraryCase(options: SchemaOptions & { readonly shared?: boolean } = {}): fc.Arbitrary<Case> {
  return arbitrarySchema({ maxColumns: 3, ...options }).chain((schema) => {
    const batch = arbitraryBatchOf(schema, { maxRows: 20, ...options });
    return fc
      .record({
        schema: fc.constant(schema),
        batches: fc.array(batch, { minLength: 1, maxLength: 4 }),
        bounds: fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 })),
      })
      .map(readable);
  });
}

/** Has counterexamples printed by their meaning: apache-arrow's objects do not print. */
function readable(c: Case): Case {
  const text = (): string => `${c.schema} ${c.bounds} ${inspect(c.batches.map(rowsOf), { depth: 9 })}`;
  return Object.assign({ ...c }, { [fc.toStringMethod]: text });
}

function typesOf(schema: Schema): TypeLike[] {
  return allTypes(schema.fields.map((field) => field.type));
}

function rangeOf({ bounds }: Case): [number, number] {
  return [Math.min(...bounds), Math.max(...bounds)];
}

function allRows(batches: readonly BatchRows[]): unknown[][] {
  return batches.flatMap(rowsOf);
}

function filled(schema: Schema, batches: readonly RecordBatch[], kind = MEMORY_KINDS[0]): BatchStore {
  const store = emptyStore(schema, kind);
  for (const batch of batches) store.append(batch);
  return store;
}

function check(arbitrary: fc.Arbitrary<Case>, numRuns: number, property: (c: Case) => void): void {
  fc.assert(fc.property(arbitrary, property), { numRuns });
}

describe("a batch of any type comes back as it was", () => {
  it("from recordBatch, in the writer and in a reader", () => {
    check(arbitraryCase(), 400, ({ schema, batches }) => {
      using store = filled(schema, batches);
      using reader = BatchStore.attach(store.handle());
      expect(store.length).toBe(batches.length);
      batches.forEach((batch, i) => {
        const rows = rowsOf(batch);
        for (const side of [store, reader]) {
          const found = side.recordBatch(i);
          expect(found?.numRows).toBe(batch.numRows);
          expect(found && rowsOf(found)).toStrictEqual(rows);
        }
      });
    });
  });

  it("from shared source buffers", () => {
    check(arbitraryCase({ shared: true }), 100, ({ schema, batches }) => {
      using store = filled(schema, batches);
      expect(allRows(store.batches())).toStrictEqual(allRows(batches));
    });
  });

  it("from apache-arrow's reading of ipcParts, for any range", () => {
    check(arbitraryCase({ minColumns: 1 }), 300, (c) => {
      const { schema, batches } = c;
      using store = filled(schema, batches);
      const [from, to] = rangeOf(c);
      const table = tableFromIPC(Buffer.concat(store.ipcParts(from, to)));
      expect(allRows(table.batches)).toStrictEqual(allRows(batches.slice(from, to)));
    });
  });

  it("from flechette's reading of ipcParts, for any range", () => {
    check(arbitraryCase({ minColumns: 1 }), 300, (c) => {
      const { schema, batches } = c;
      // flechette throws on decimals of negative scale.
      fc.pre(!typesOf(schema).some(({ scale }) => scale !== undefined && scale < 0));
      using store = filled(schema, batches);
      const [from, to] = rangeOf(c);
      const stream = Buffer.concat(store.ipcParts(from, to));
      expect(flechetteRows(stream, schema)).toStrictEqual(allRows(batches.slice(from, to)));
    });
  });
});

describe("the bytes of a message", () => {
  it("are the same on any memory, new or used", () => {
    check(arbitraryCase(), 150, ({ schema, batches }) => {
      const [expected, ...others] = MEMORY_KINDS.map((kind) => {
        using store = filled(schema, batches, kind);
        return messageBytes(store);
      });
      for (const bytes of others) expect(bytes.equals(expected ?? Buffer.alloc(0))).toBe(true);
    });
  });
});
