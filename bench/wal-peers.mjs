/**
 * The better-known ways in which a Node user would log rows durably, and the least that any log of one file an entry has to do.
 */
// @ts-check
import { closeSync, fsyncSync, linkSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { open } from "lmdb";

/** @typedef {import("./wal-sink.mjs").Sink} Sink */

/**
 * lmdb: each row under its key. A transaction is synced before it counts as committed; puts of many callers that wait together are
 * committed as one by its own thread, in a single put the caller's thread commits its rows.
 *
 * @param {string} directory empty
 * @returns {Sink}
 */
export function lmdbSink(directory) {
  const db = open({ path: join(directory, "data"), overlappingSync: false, mapSize: 2 ** 33 });
  return {
    put({ rows }) {
      const [first] = rows;
      if (rows.length === 1 && first !== undefined) return db.put(Number(first.id), first);
      return db.transactionSync(() => {
        for (const row of rows) db.put(Number(row.id), row);
      });
    },
    close: () => db.close(),
  };
}

/**
 * SQLite in WAL mode with synchronous=FULL: each put is a transaction, and its calls return when it is synced.
 *
 * @param {string} directory empty
 * @returns {Sink}
 */
export function sqliteSink(directory) {
  const db = new Database(join(directory, "data.db"));
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.exec("CREATE TABLE rows (id INTEGER PRIMARY KEY, value REAL, text TEXT)");
  const insert = db.prepare("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)");
  const putAll = db.transaction((/** @type {readonly import("./wal-rows.mjs").Row[]} */ rows) => {
    for (const { id, value, text } of rows) insert.run(id, value, text);
  });
  return { put: ({ rows }) => putAll(rows), close: () => db.close() };
}

/** What the bare sequence of calls took, in milliseconds. @typedef {{ durable: number, all: number }} BareTimes */

/**
 * The calls that put one new file into a directory durably and at once whole: create under a temporary name, write, fsync, link to the
 * final name, fsync the directory; then the temporary name is removed.
 */
export class BareFiles {
  #directory;
  #descriptor;
  #bytes;
  #count = 0;

  /** @param {string} directory empty @param {number} bytes of each file */
  constructor(directory, bytes) {
    this.#directory = directory;
    this.#descriptor = openSync(directory, "r");
    this.#bytes = new Uint8Array(bytes).fill(97);
  }

  /** @returns {BareTimes} until the file is durable, and until the temporary name is removed */
  put() {
    this.#count++;
    const temporary = join(this.#directory, `${this.#count}.tmp`);
    const start = performance.now();
    const file = openSync(temporary, "wx");
    writeSync(file, this.#bytes);
    fsyncSync(file);
    linkSync(temporary, join(this.#directory, `${this.#count}.arrow`));
    fsyncSync(this.#descriptor);
    const durable = performance.now() - start;
    unlinkSync(temporary);
    closeSync(file);
    return { durable, all: performance.now() - start };
  }

  close() {
    closeSync(this.#descriptor);
  }
}
