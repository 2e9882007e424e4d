/**
 * The built package, as users get it, with the types of its sources: `dist/` may not exist when types are checked.
 */
// @ts-check

/** @type {typeof import("../src/store/index.js")} */
const store = await import(new URL("../dist/store/index.js", import.meta.url).href);

/** @typedef {import("../src/store/index.js").BatchStore} Store */

export const { BatchStore } = store;

/** @type {typeof import("../src/memtable/memtable.js")} */
const memtable = await import(new URL("../dist/memtable/memtable.js", import.meta.url).href);

export const { Memtable } = memtable;
