/**
 * The tip of a log: the first position behind all its entries.
 *
 * Entries up to `replayAfter` are in SSTables, and may have been removed; behind it they have no gaps, as a writer asks for the next
 * position only once it has the one before. So what is missing between two entries was lost: a reader that stops there, as LanceDB's
 * does, would silently drop the rows behind it, and a writer that fills the hole would bring them back later, over newer ones.
 * Hence a gap is an error here.
 *
 * The log is listed, not probed from the manifest's hint: only so are gaps seen, and neither a hint that is wrong nor removed entries
 * can lead to a position in the past.
 *
 * @module
 */
import { CorruptError } from "../errors.js";
import type { ObjectStore } from "../storage/object-store.js";
import { parseWalKey, WAL_PREFIX, walKey } from "./names.js";

/**
 * Position that the next entry takes: 1 in an empty log.
 *
 * @param replayAfter position of the last entry that an SSTable covers, 0 for none
 * @throws CorruptError when an entry behind `replayAfter` is missing though there are later ones
 */
export async function discoverTip(store: ObjectStore, replayAfter: number): Promise<number> {
  let newest = replayAfter;
  let count = 0;
  for await (const { key } of store.list(WAL_PREFIX)) {
    const position = parseWalKey(key) ?? 0;
    if (position <= replayAfter) continue;
    newest = Math.max(newest, position);
    count++;
  }
  if (count < newest - replayAfter) await assertNoGap(store, replayAfter, newest);
  return newest + 1;
}

/**
 * A listing that goes on while a writer appends may miss an entry and have a later one; what is there is found by asking for it. There
 * are no more requests than entries.
 */
async function assertNoGap(store: ObjectStore, replayAfter: number, newest: number): Promise<void> {
  for (let position = replayAfter + 1; position < newest; position++) {
    if ((await store.head(walKey(position))) !== undefined) continue;
    throw new CorruptError(
      `${store.name}/${walKey(position)} is missing: position ${position} of the log, whose first needed entry is ` +
        `${replayAfter + 1} and whose newest is ${newest}. Put the file back, or have the entries behind it set aside with \`pennon repair\``,
    );
  }
}
