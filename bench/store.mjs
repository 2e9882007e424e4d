/**
 * The suite `store`: the batch store's speed and memory.
 */
// @ts-check
import { appendCases } from "./store-append.mjs";
import { memoryCases } from "./store-memory.mjs";
import { readCases } from "./store-read.mjs";
import { threadCases } from "./store-threads.mjs";

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {(plan: import("./measure.mjs").Plan) => Promise<import("./result.mjs").Result[]>} measure
 */

/** @type {import("./run.mjs").Suite} */
export const storeSuite = { cases: [...appendCases, ...readCases, ...threadCases, ...memoryCases] };
