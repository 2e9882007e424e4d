/**
 * What LanceDB's optimize has done to a base table. In a file of its own, which the public types reach without those of LanceDB.
 *
 * @module
 */

/** What was tidied up. */
export interface OptimizeOutcome {
  readonly fragmentsRemoved: number;
  readonly fragmentsAdded: number;
  readonly versionsRemoved: number;
  readonly bytesRemoved: number;
  readonly milliseconds: number;
}
