/**
 * Follows a shard: every batch of its log, puts and deletes, in order, those that are there first and then each new one when the log has it.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { GoneError } from "../errors.js";
import { type Position, parsePosition } from "../writer/position.js";
import { type Change, ChangeMaker } from "./change.js";
import { ChangeSource, END_OF_ENTRY, type Followed, type Place } from "./change-source.js";
import { Wake } from "./wake.js";

/** From where, and until when. */
export interface FollowOptions {
  /**
   * Begin behind this position, which `put`, `delete` or a change has given; `"oldest"`: with the oldest rows behind which the log has no
   * hole. @default what comes from now on
   */
  readonly from?: Position | "oldest";
  /** Ends it: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A shard that is followed by its owner. */
export interface FollowedShard extends Followed {
  /** Position of the next entry, and of the newest one that is in the log. */
  readonly nextEntry: number;
  readonly newestEntry: number;
  /** What it stopped for, if it did. */
  readonly failure: Error | undefined;
  /** Aborts when the follower's handle is closed: then following ends. */
  readonly closed: AbortSignal;
  /** Told of the entry that a follower needs next, and of its end: those from there on are kept. */
  readonly retain: (follower: object, entry: number | undefined) => void;
}

/**
 * @throws UsageError when `from` is not a position
 * @throws GoneError when it is ahead of the log; when rows behind it were collected, the first step throws it
 */
export function followTable<R>(followed: FollowedShard, options: FollowOptions): AsyncGenerator<Change<R>, void> {
  const { from } = options;
  if (from === undefined)
    return changes(followed, { entry: followed.newestEntry, batch: END_OF_ENTRY }, options.signal);
  if (from === "oldest") return changes(followed, undefined, options.signal);
  const place = parsePosition(from);
  if (place.entry >= followed.nextEntry) {
    throw new GoneError(
      `position ${from} is ahead of the log, which ends before entry ${followed.nextEntry}: its rows were lost`,
    );
  }
  return changes(followed, place, options.signal);
}

async function* changes<R>(
  followed: FollowedShard,
  start: Place | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Change<R>, void> {
  const wake = new Wake([followed.closed, ...(signal === undefined ? [] : [signal])]);
  let maker: { readonly schema: Schema; readonly changes: ChangeMaker<R> } | undefined;
  const source = new ChangeSource(followed, (batch) => {
    const { schema } = batch.rows;
    if (maker?.schema !== schema) maker = { schema, changes: new ChangeMaker<R>(schema) };
    return maker.changes.change(batch);
  });
  try {
    let place = start ?? (await source.beforeOldest());
    for (;;) {
      signal?.throwIfAborted();
      if (followed.closed.aborted) return;
      followed.retain(source, place.entry);
      const next = await source.next(place);
      if (next !== undefined) {
        place = { entry: next.entry, batch: next.batch };
        yield next.made;
        continue;
      }
      if (followed.failure !== undefined) throw followed.failure;
      await wake.next();
    }
  } catch (error) {
    if (!followed.closed.aborted || signal?.aborted) throw error; // what is read from is closed with the table
  } finally {
    followed.retain(source, undefined);
    wake.close();
  }
}
