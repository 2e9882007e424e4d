/**
 * Fills a store with the groups of batches that its content has, until no further group fits.
 *
 * @module
 */
import { FullError, UsageError } from "../../src/errors.js";
import type { BatchStore } from "../../src/store/batch-store.js";
import type { Content } from "./content.js";
import { mix } from "./run.js";

/** Hears what happens while a store is filled. */
export interface FillListener {
  /** An append begins. */
  readonly beginning?: () => void;
  /** An append has ended: `batches` were appended, 0 when the group was refused. */
  readonly ended?: (batches: number) => void;
}

/** One group in so many is first tried with a spoilt batch at its end. */
const SPOIL_SAMPLE = 24;
/** Groups that are made before they are appended at a stroke, so that the store is busy for much of the time. */
const GROUPS_AT_ONCE = 6;

/**
 * Appends from position `from`, the beginning of a group, on. Returns when a group does not fit.
 *
 * @param salt decides which groups are tried with a spoilt batch first
 */
export function fill(store: BatchStore, content: Content, from: number, salt: number, listener: FillListener): void {
  for (let begin = from; ; ) {
    const groups = [];
    for (let i = 0; i < GROUPS_AT_ONCE; i++) {
      const end = content.groupEnd(begin);
      const batches = Array.from({ length: end - begin }, (_, batch) => content.batch(begin + batch));
      const spoilt = mix(salt, begin) % SPOIL_SAMPLE === 0 ? content.spoilt(end) : undefined;
      groups.push({ batches, spoilt });
      begin = end;
    }
    for (const { batches, spoilt } of groups) {
      if (spoilt !== undefined) {
        listener.beginning?.();
        refuse(store, [...batches, spoilt]);
        listener.ended?.(0);
      }
      const [only] = batches;
      listener.beginning?.();
      try {
        if (batches.length === 1 && only !== undefined) store.append(only);
        else store.appendAll(batches);
      } catch (error) {
        if (!(error instanceof FullError)) throw error;
        return;
      }
      listener.ended?.(batches.length);
    }
  }
}

function refuse(store: BatchStore, group: Parameters<BatchStore["appendAll"]>[0]): void {
  try {
    store.appendAll(group);
  } catch (error) {
    if (error instanceof UsageError || error instanceof FullError) return;
    throw error;
  }
  throw new Error("a spoilt batch was accepted");
}
