/**
 * The suite `memtable`: the primary-key index of a memtable.
 */
// @ts-check
import { indexCases } from "./memtable-index.mjs";

/** @type {import("./run.mjs").Suite} */
export const memtableSuite = { cases: [...indexCases] };
