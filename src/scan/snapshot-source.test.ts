import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { RowReader } from "../arrow/rows/row-reader.js";
import { ClosedError, ConflictError, FullError, GoneError, RetryableError } from "../errors.js";
import { countRows } from "./count-rows.js";
import { findRows } from "./find-rows.js";
import { lookUp } from "./look-up.js";
import { allRows, modelRow, modelRows, shown, shownRow } from "./rows.fixture.js";
import { scanSnapshot } from "./scan-snapshot.js";
import { caseDirectory, type Row, TieredTable } from "./tiers.fixture.js";

const root = mkdtempSync(join(tmpdir(), "pennon-snapshot-"));
const open: TieredTable[] = [];
afterEach(async () => {
  for (const table of open.splice(0)) await table.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));

async function makeTable(options?: { readonly maxKeyBytes?: number }): Promise<TieredTable> {
  const table = await TieredTable.make(caseDirectory(root), ["int64"], options);
  open.push(table);
  return table;
}

const rows = (value: number, ...keys: number[]): Map<number, Row> =>
  new Map(keys.map((n) => [n, { value, text: null }]));

/** Puts rows and flushes them. */
async function flushed(table: TieredTable, value: number, ...keys: number[]): Promise<void> {
  table.put(rows(value, ...keys));
  table.rotate();
  await table.flush();
}

async function scanned(table: TieredTable): Promise<string[]> {
  const snapshot = await table.source.capture();
  const found = shown(await allRows(scanSnapshot(snapshot)));
  snapshot.release();
  return found;
}

describe("a snapshot", () => {
  it("has an SSTable that was published already instead of its memtable, which is still there", async () => {
    const table = await makeTable();
    table.put(rows(1, 1, 2));
    table.rotate();
    table.put(rows(2, 2, 3));
    await table.flush(async () => {
      const snapshot = await table.source.capture();
      expect(snapshot.memtables.map(({ generation }) => generation)).toEqual([2]);
      expect(snapshot.ssTables.map(({ generation }) => generation)).toEqual([1]);
      expect(shown(await allRows(scanSnapshot(snapshot)))).toEqual(shown(modelRows(table)));
      snapshot.release();
    });
  });

  it("leaves SSTables out that are merged, so that what others wrote to the base table later is seen", async () => {
    const table = await makeTable();
    await flushed(table, 1, 1, 2);
    await table.merge("watermark");
    await table.lance.table.checkoutLatest();
    await table.lance.table.update({ where: "true", valuesSql: { value: "77" } });
    expect(await scanned(table)).toEqual(shown(modelRows(table, rows(77, 1, 2))));
    const snapshot = await table.source.capture();
    expect(snapshot.ssTables).toEqual([]);
    expect(await countRows(snapshot)).toBe(2);
    snapshot.release();
  });

  it("shows of an SSTable that is merged in part each row once", async () => {
    const table = await makeTable();
    await flushed(table, 1, 1, 2);
    await table.merge("part");
    await flushed(table, 2, 2, 3);
    expect(await scanned(table)).toEqual(shown(modelRows(table)));
  });

  it("stays as it was while rows move on", async () => {
    const table = await makeTable();
    await flushed(table, 1, 1, 2);
    table.put(rows(2, 2, 3));
    const before = shown(modelRows(table));
    const snapshot = await table.source.capture();
    table.put(rows(3, 1, 2, 3, 4));
    table.rotate();
    await table.flush();
    await table.merge();
    await table.merge();
    expect(shown(await allRows(scanSnapshot(snapshot)))).toEqual(before);
    expect(await scanned(table)).toEqual(shown(modelRows(table)));
    expect(shown(await allRows(scanSnapshot(snapshot)))).toEqual(before); // also once newer keys are known
    snapshot.release();
  });

  it("holds its memtables until it is released and nobody reads it", async () => {
    const table = await makeTable();
    table.put(rows(1, 1));
    table.rotate();
    table.put(rows(1, 2));
    const snapshot = await table.source.capture();
    const scan = scanSnapshot(snapshot, {}, { batchRows: 1 });
    await scan.next();
    snapshot.release();
    snapshot.release();
    expect(table.holds).toBe(1);
    await scan.next();
    await scan.return();
    expect(table.holds).toBe(0);
    await expect(scanSnapshot(snapshot).next()).rejects.toThrow(ClosedError);
  });

  it("is refused when nothing of the table is left, or it has no log any more; nothing stays held", async () => {
    const table = await makeTable();
    await flushed(table, 1, 1);
    await table.lance.table.checkoutLatest();
    await table.lance.table.unsetLsmWriteSpec();
    await expect(table.source.capture()).rejects.toThrow(ConflictError);
    expect(table.holds).toBe(0);
  });

  it("is refused after some attempts when an SSTable that is listed is gone", async () => {
    const table = await makeTable();
    await flushed(table, 1, 1);
    for (const name of readdirSync(table.shardDirectory).filter((entry) => entry.includes("_gen_"))) {
      rmSync(join(table.shardDirectory, name), { recursive: true });
    }
    await expect(table.source.capture()).rejects.toThrow(RetryableError);
    expect(table.holds).toBe(0);
  });

  it("says that it is gone when its files are removed while it is held", async () => {
    const table = await makeTable();
    await flushed(table, 1, 1);
    const snapshot = await table.source.capture();
    for (const name of readdirSync(table.shardDirectory).filter((entry) => entry.includes("_gen_"))) {
      rmSync(join(table.shardDirectory, name), { recursive: true });
    }
    await expect(allRows(scanSnapshot(snapshot))).rejects.toThrow(GoneError);
    snapshot.release();
    expect(table.holds).toBe(0);
  });
});

describe("a lookup", () => {
  const textOf = (table: TieredTable) => {
    const reader = new RowReader(table.schema);
    return ({ batch, row }: { batch: Parameters<RowReader["read"]>[0]; row: number }) =>
      shownRow(reader.read(batch, row));
  };

  it("asks SSTables by their filters, newest first, when their keys do not fit into memory", async () => {
    const table = await makeTable({ maxKeyBytes: 0 });
    await flushed(table, 1, 1, 2, 3, 4);
    await table.merge();
    await flushed(table, 2, 2, 3);
    table.put(rows(3, 7), [3]);
    table.rotate();
    await table.flush();
    await flushed(table, 4, 7, 8);
    const snapshot = await table.source.capture();
    const numbers = [1, 2, 3, 4, 7, 8, 9, 2];
    const found = await findRows(snapshot, table.keys(numbers));
    const want = numbers.map((n) => {
      const row = table.model.get(n);
      return row && shownRow(modelRow(table, n, row));
    });
    expect(found.map((row) => row && textOf(table)(row))).toEqual(want);
    expect(table.source.keyBytes).toBe(0);
    await expect(allRows(scanSnapshot(snapshot))).rejects.toThrow(FullError);
    snapshot.release();
  });

  it("opens nothing for what is in memory, and reads the rest from files", async () => {
    const table = await makeTable();
    await flushed(table, 1, 1, 2);
    table.put(rows(2, 2, 3), [4]);
    const read = textOf(table);
    const row = (value: number, n: number) => shownRow(modelRow(table, n, { value, text: null }));
    rmSync(table.shardDirectory, { recursive: true });
    expect(await lookUp(table.source, table.keys([2, 4, 3]), read)).toEqual([row(2, 2), undefined, row(2, 3)]);
    expect(table.holds).toBe(0);
  });

  it("reads from files what is not in memory", async () => {
    const table = await makeTable();
    await flushed(table, 1, 1, 2);
    await table.merge();
    await flushed(table, 2, 2, 3);
    table.put(rows(3, 3));
    const row = (value: number, n: number) => shownRow(modelRow(table, n, { value, text: null }));
    const found = await lookUp(table.source, table.keys([3, 9, 2, 1]), textOf(table));
    expect(found).toEqual([row(3, 3), undefined, row(2, 2), row(1, 1)]);
    expect(table.holds).toBe(0);
    const aborted = AbortSignal.abort(new Error("enough"));
    await expect(lookUp(table.source, table.keys([1]), textOf(table), aborted)).rejects.toThrow("enough");
  });
});
