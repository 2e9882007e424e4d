/** What a snapshot of random tiers shows is what a map holds: scans, counts and lookups, for every type of key (invariant 12). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { lanceRows } from "../../test/lancedb.js";
import { RowReader } from "../arrow/rows/row-reader.js";
import { countRows } from "./count-rows.js";
import { findRows } from "./find-rows.js";
import { allRows, modelRow, modelRows, shown } from "./rows.fixture.js";
import { scanSnapshot } from "./scan-snapshot.js";
import type { Snapshot } from "./snapshot.js";
import { caseDirectory, KEY_KINDS, type Row, TieredTable } from "./tiers.fixture.js";

const root = mkdtempSync(join(tmpdir(), "pennon-scan-"));
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));

const KEYS = 24;

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      keys: fc.uniqueArray(fc.nat(KEYS - 1), { minLength: 1, maxLength: 8 }),
      deletes: fc.nat(4),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("rotate" as const, "flush" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("merge" as const),
      how: fc.constantFrom("watermark" as const, "unlist" as const, "part" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("look" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hold" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function check(table: TieredTable, snapshot: Snapshot, model: ReadonlyMap<number, Row>): Promise<void> {
  const want = shown(modelRows(table, model));
  const found = await allRows(scanSnapshot(snapshot));
  expect(shown(found)).toEqual(want);
  expect(await countRows(snapshot)).toBe(model.size);
  expect(shown(await allRows(scanSnapshot(snapshot, { select: ["text", "value"] }, { batchRows: 5 })))).toEqual(
    shown(found.map(({ text, value }) => ({ text, value }))),
  );
  const limit = Math.floor(model.size / 2);
  const limited = await allRows(scanSnapshot(snapshot, { limit }, { copy: true }));
  expect(limited).toHaveLength(limit);
  expect(want).toEqual(expect.arrayContaining(shown(limited)));

  const numbers = Array.from({ length: KEYS + 2 }, (_, i) => (i * 7) % (KEYS + 1)); // one twice, one never put
  const reader = new RowReader(table.schema);
  const rows = await findRows(snapshot, table.keys(numbers));
  expect(rows.map((row) => row && shown([reader.read(row.batch, row.row)])[0])).toEqual(
    numbers.map((n) => {
      const row = model.get(n);
      return row && shown([modelRow(table, n, row)])[0];
    }),
  );
  const [one] = await findRows(snapshot, table.keys([3]));
  expect(one !== undefined).toBe(model.has(3));
}

describe.each(KEY_KINDS.map((kind) => [kind.join(", "), kind] as const))("with the key %s", (_, kind) => {
  it("shows of each key the newest row, while rows move through the tiers", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps: Step[]) => {
        const table = await TieredTable.make(caseDirectory(root), kind);
        const held: { readonly snapshot: Snapshot; readonly model: Map<number, Row> }[] = [];
        try {
          let value = 0;
          let puts = 0;
          for (const move of [...steps, { kind: "look" as const }]) {
            if (move.kind === "put") {
              const rows = move.keys
                .slice(move.deletes)
                .map((n): [number, Row] => [n, { value: value++, text: n % 3 === 0 ? null : `row ${value}` }]);
              table.put(new Map(rows), move.keys.slice(0, move.deletes));
              puts++;
            } else if (move.kind === "rotate") table.rotate();
            else if (move.kind === "flush") {
              table.rotate();
              await table.flush();
            } else if (move.kind === "merge") await table.merge(move.how);
            else {
              const snapshot = await table.source.capture();
              if (move.kind === "hold") held.push({ snapshot, model: new Map(table.model) });
              else {
                await check(table, snapshot, table.model);
                snapshot.release();
              }
            }
          }
          for (const { snapshot, model } of held) {
            await check(table, snapshot, model);
            snapshot.release();
          }
          expect(table.holds).toBe(0);
          // Flushed, LanceDB sees the same.
          table.rotate();
          while (await table.flush());
          if (puts > 0) {
            await table.lance.table.checkoutLatest();
            expect(shown(await lanceRows(table.lance.table))).toEqual(shown(modelRows(table)));
          }
        } finally {
          await table.close();
        }
      }),
      { numRuns: 2 },
    );
  });
});
