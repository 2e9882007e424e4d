/**
 * A table whose rows live through everything, in random order, and a map that says what it must hold: puts, overwrites, deletes, rotations,
 * flushes, merges, collections, optimizing, closing, and ends without closing.
 *
 * An end without closing is a copy of all files at that moment, on which the life goes on: what a process leaves that is killed between
 * two steps. What is left when it is killed in the midst of one, see life-states.ts and life-kill.ts.
 *
 * @module
 */
import { cpSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openTable } from "../../src/table/open-table.js";
import type { Table } from "../../src/table/table.js";
import type { Random } from "../arrow-random-data.js";
import { lanceDatabase, lanceRows } from "../lancedb.js";
import { type Kind, type LifeRow, rowOf, shown } from "./life-rows.js";
import { AT_ONCE } from "./life-script.js";

/** Different keys of a table that is not append-only. */
const KEYS = 60;
const MAX_ROWS = 24;
/** So that memtables are full after a few puts. */
const MEMTABLE = { memtableBytes: 2 ** 20, memtableRows: 150, memtableAgeMs: 3_600_000, maxMemoryBytes: 2 ** 25 };
/** Much happens by itself, at once. */
const BY_ITSELF = {
  compactSsTables: 2,
  compactAgeMs: 20,
  retentionMs: 200,
  logRetentionMs: 0,
  collectIntervalMs: 30,
  optimizeIntervalMs: 100,
  optimizeMerges: 3,
  // Longer than a snapshot is held here.
  versionRetentionMs: 5_000,
};

type Action = "put" | "delete" | "puts" | "flush" | "compact" | "collect" | "optimize" | "beside" | "reopen" | "end";
const WEIGHTS: Readonly<Record<Action, number>> = {
  put: 30,
  delete: 12,
  puts: 10,
  flush: 8,
  compact: 6,
  collect: 6,
  optimize: 3,
  beside: 8,
  reopen: 1.5,
  end: 2.5,
};

export type LifeTally = Record<Action | "lance", number>;

export class LifeModel {
  readonly #kind: Kind;
  readonly #random: Random;
  /** The row of each key: as text, with the key's number. */
  readonly #rows = new Map<number, string>();
  readonly #folder = mkdtempSync(join(tmpdir(), "pennon-model-"));
  readonly tally: LifeTally = {
    put: 0,
    delete: 0,
    puts: 0,
    flush: 0,
    compact: 0,
    collect: 0,
    optimize: 0,
    beside: 0,
    reopen: 0,
    end: 0,
    lance: 0,
  };
  #table: Table<LifeRow> | undefined;
  #lives = 0;
  #values = 0;
  #nextRow = 0;
  #quiet = true;

  constructor(kind: Kind, random: Random) {
    this.#kind = kind;
    this.#random = random;
  }

  /** Does something, and looks whether the table holds what it must. @throws Error with the steps before it */
  async step(): Promise<void> {
    const action = this.#choose();
    this.tally[action]++;
    try {
      await this.#do(action);
      await this.#check();
    } catch (cause) {
      const { message } = cause instanceof Error ? cause : new Error(String(cause));
      throw new Error(`after ${JSON.stringify(this.tally)}, at ${action}: ${message}`, { cause });
    }
  }

  async close(): Promise<void> {
    try {
      await this.#table?.close();
    } finally {
      await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  #choose(): Action {
    const all = Object.values(WEIGHTS).reduce((sum, weight) => sum + weight, 0);
    let at = (this.#random.below(1_000_000) / 1_000_000) * all;
    for (const [action, weight] of Object.entries(WEIGHTS)) {
      at -= weight;
      if (at < 0 && isAction(action)) return action;
    }
    return "put";
  }

  async #do(action: Action): Promise<void> {
    const table = await this.#open();
    switch (action) {
      case "put":
        await this.#put();
        break;
      case "delete":
        await this.#delete();
        break;
      case "puts":
        await Promise.all(Array.from({ length: 1 + this.#random.below(8) }, () => this.#putOrDelete()));
        break;
      case "beside": {
        const beside = (["flush", "compact", "collect"] as const)[this.#random.below(3)] ?? "flush";
        const done = table[beside]();
        await Promise.all([this.#putOrDelete(), this.#putOrDelete()]);
        await this.#check();
        await done;
        break;
      }
      case "flush":
      case "compact":
        await table[action]();
        await this.#checkLance();
        break;
      case "collect":
      case "optimize":
        await table[action]();
        break;
      case "reopen":
        await this.#reopen();
        break;
      case "end":
        await (this.#quiet ? this.#end() : this.#reopen());
        break;
    }
  }

  get #database(): string {
    return join(this.#folder, String(this.#lives));
  }

  async #open(): Promise<Table<LifeRow>> {
    if (this.#table !== undefined) return this.#table;
    const { schema, primaryKey } = this.#kind;
    this.#quiet = this.#random.chance(0.6);
    const options = { ...MEMTABLE, schema, maintenance: this.#quiet ? AT_ONCE : BY_ITSELF };
    const path = join(this.#database, "life");
    this.#table = await (primaryKey === undefined
      ? openTable(path, options)
      : openTable(path, { ...options, primaryKey }));
    return this.#table;
  }

  async #reopen(): Promise<void> {
    await this.#table?.close();
    this.#table = undefined;
    await this.#open();
  }

  async #end(): Promise<void> {
    const [table, before] = [this.#table, this.#database];
    // Full memtables are flushed even now: no file may come or go while files are copied.
    while (table?.stats().memtables.some(({ frozen }) => frozen)) await sleep(5);
    this.#lives++;
    cpSync(before, this.#database, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    this.#table = undefined;
    await table?.close();
    await rm(before, { recursive: true, force: true, maxRetries: 5 });
    await this.#open();
  }

  #putOrDelete(): Promise<void> {
    return this.#random.chance(0.7) ? this.#put() : this.#delete();
  }

  async #put(): Promise<void> {
    const kind = this.#kind;
    const table = await this.#open();
    const rows: LifeRow[] = [];
    for (let i = 1 + this.#random.below(this.#random.chance(0.1) ? MAX_ROWS * 4 : MAX_ROWS); i > 0; i--) {
      const n = kind.primaryKey === undefined ? this.#nextRow++ : this.#random.below(KEYS);
      const row = rowOf(kind, n, this.#values++);
      rows.push(row);
      this.#rows.set(n, shown({ ...kind.key(n), ...row }));
    }
    const durability = (["disk", "disk", "os"] as const)[this.#random.below(3)] ?? "disk";
    await table.put(rows, { durability });
  }

  async #delete(): Promise<void> {
    const { key, primaryKey } = this.#kind;
    const table = await this.#open();
    const numbers = Array.from({ length: 1 + this.#random.below(8) }, () => this.#anyKey());
    for (const n of numbers) this.#rows.delete(n);
    await table.delete(numbers.map((n) => (primaryKey?.length === 2 ? key(n) : Object.values(key(n))[0])));
  }

  /** Perhaps of no row. */
  #anyKey(): number {
    return this.#random.below(this.#kind.primaryKey === undefined ? this.#nextRow + 2 : KEYS);
  }

  async #check(): Promise<void> {
    const table = await this.#open();
    const want = [...this.#rows.values()].sort();
    const found: string[] = [];
    for await (const batch of table.scan()) for (const row of batch) found.push(shown(row.toJSON()));
    assertSame("scan", found.sort(), want);
    const count = await table.count();
    if (count !== want.length) throw new Error(`count is ${count}; expected ${want.length}`);
    const { key, primaryKey } = this.#kind;
    const numbers = Array.from({ length: 1 + this.#random.below(10) }, () => this.#anyKey());
    const keys = numbers.map((n) => (primaryKey?.length === 2 ? key(n) : Object.values(key(n))[0]));
    const rows = await table.getMany(keys);
    const texts = (items: readonly (LifeRow | undefined)[]) => items.map((row) => (row ? shown(row) : "none"));
    assertSame(
      "getMany",
      texts(rows),
      numbers.map((n) => this.#rows.get(n) ?? "none"),
    );
    assertSame("get", texts([await table.get(keys[0])]), texts(rows.slice(0, 1)));
  }

  /** All rows are flushed. */
  async #checkLance(): Promise<void> {
    this.tally.lance++;
    const connection = await lanceDatabase(this.#database);
    const table = await connection.openTable("life");
    const found = (await lanceRows(table)).map(shown);
    table.close();
    connection.close();
    assertSame("LanceDB", found.sort(), [...this.#rows.values()].sort());
  }
}

function isAction(name: string): name is Action {
  return name in WEIGHTS;
}

function assertSame(what: string, found: readonly string[], want: readonly string[]): void {
  if (found.length === want.length && found.every((text, i) => text === want[i])) return;
  const missing = want.filter((text) => !found.includes(text)).slice(0, 5);
  const surplus = found.filter((text) => !want.includes(text)).slice(0, 5);
  throw new Error(
    `${what} gives ${found.length} rows, expected ${want.length}; missing: ${missing.join(", ")}; surplus: ${surplus.join(", ")}`,
  );
}
