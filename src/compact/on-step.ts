/**
 * How a merge tells of its steps. In a file of its own, which the public types reach without those of LanceDB.
 *
 * @module
 */

/** Told the name of each step before it begins, `<name>:before`, and after it ended, `<name>:after`; what it throws ends the work. */
export type OnStep = (step: string) => Promise<void> | void;
