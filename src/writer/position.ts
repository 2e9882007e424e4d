/**
 * Positions: places in the history of a shard, ordered across rotations, restarts and processes.
 *
 * A position is the pair (WAL entry, batch in it) as text: 16 hexadecimal digits of the entry, a hyphen, 8 of the batch. Compared as
 * strings they are in order. To users they are opaque.
 *
 * @module
 */
import { UsageError } from "../errors.js";

/** A place in the history of a shard. Compare with `<`; keep as it is. */
export type Position = string;

/** Before the first row of any shard. */
export const ORIGIN: Position = formatPosition(0, 0);

/** @param entry WAL position, from 1 @param batch number of the batch in it, from 0 */
export function formatPosition(entry: number, batch: number): Position {
  return `${entry.toString(16).padStart(16, "0")}-${batch.toString(16).padStart(8, "0")}`;
}

/** @throws UsageError unless `position` came from `put`, `delete` or `follow` */
export function parsePosition(position: Position): { readonly entry: number; readonly batch: number } {
  const match = typeof position === "string" ? /^([0-9a-f]{16})-([0-9a-f]{8})$/.exec(position) : null;
  const entry = Number.parseInt(match?.[1] ?? "", 16);
  if (match === null || !Number.isSafeInteger(entry)) {
    throw new UsageError(
      `${JSON.stringify(position)} is not a position; expected one that put, delete or follow has given`,
    );
  }
  return { entry, batch: Number.parseInt(match[2] ?? "", 16) };
}
