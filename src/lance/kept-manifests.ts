/**
 * Which versions of a shard's manifest may be removed, once they are old, and which never.
 *
 * 1. **The first ones, and then one of every 32, stay.** Where the hint at the newest version is lost (a loss of power may take it: it is
 *    written without a guarantee), Lance looks for versions from 1 on, in batches of 2, 4 … 64, until a whole batch is missing. A batch that
 *    has lost all its versions would end the search in the past: the shard would seem to be empty, or to be what it was long ago.
 * 2. **The first one of each epoch stays.** A writer that was stopped, and writes version n + 1 when it goes on, must find it taken. The
 *    newest version of its epoch, or an older one, is its n; so what follows the newest of an epoch stays.
 * 3. **What was the newest less than {@link LEAST_RETENTION_MS} ago stays.** Who has seen that n is the newest, and writes n + 1 sooner than
 *    that, writes into no hole. `ManifestStore` looks again when it is later.
 *
 * @module
 */

/** All versions up to this one stay. */
export const DENSE_VERSIONS = 64;
/** Of the later ones, those that it divides: two in every full batch of Lance's search. */
const RUNG = 32;

/** Nothing younger is ever removed. */
export const LEAST_RETENTION_MS = 2 * 60 * 60 * 1000;
/** For so long what was seen of the newest version can be relied on. */
export const FRESH_MS = LEAST_RETENTION_MS / 2;

/** Whether the version stays for the sake of a search without a hint. */
export function isRung(version: number): boolean {
  return version <= DENSE_VERSIONS || version % RUNG === 0;
}
