/**
 * The errors Pennon throws: a small set of classes, each with a stable `code`.
 *
 * `code` is what programs should test (it survives structured clone between threads and two copies of the package in one
 * process); `retryable` says whether doing the same thing again can succeed without changing anything else.
 *
 * @module
 */

/** The stable code of each error class. */
export type ErrorCode = "Usage" | "Full" | "Retryable" | "Conflict" | "OutcomeUnknown" | "Gone" | "Corrupt" | "Closed";

/** Base class of every error that Pennon throws on purpose. */
export abstract class PennonError extends Error {
  /** Stable, documented name of the kind of failure. */
  abstract readonly code: ErrorCode;
  /** True when the same call may succeed later without any change by the caller. */
  readonly retryable: boolean = false;
}

/** The call itself is wrong: a bad argument, a schema that does not fit, a write through a reader. Nothing was changed. */
export class UsageError extends PennonError {
  override readonly name = "UsageError";
  readonly code = "Usage";
}

/** A batch, or a group of them, is larger than an empty store: no room that is freed will make it fit. Cut it. */
export class TooLargeError extends UsageError {}

/** Which bound of a store was reached. */
export type FullBound = "batches" | "bytes";

/** A bound was reached. Nothing was changed; free or add room, then the same call can succeed. */
export class FullError extends PennonError {
  override readonly name = "FullError";
  readonly code = "Full";
  /** The bound that was reached. */
  readonly bound: FullBound;

  constructor(message: string, bound: FullBound, options?: ErrorOptions) {
    super(message, options);
    this.bound = bound;
  }
}

/** A passing failure (for example of the storage below). Nothing was changed; the same call may succeed later. */
export class RetryableError extends PennonError {
  override readonly name = "RetryableError";
  readonly code = "Retryable";
  override readonly retryable = true;
}

/** Somebody else holds what the call needs: another writer, a newer epoch, readers that are still attached. */
export class ConflictError extends PennonError {
  override readonly name = "ConflictError";
  readonly code = "Conflict";
}

/** The operation may or may not have taken effect. */
export class OutcomeUnknownError extends PennonError {
  override readonly name = "OutcomeUnknownError";
  readonly code = "OutcomeUnknown";
}

/** What was asked for existed and no longer does: an arena that was recycled, a position that was collected. */
export class GoneError extends PennonError {
  override readonly name = "GoneError";
  readonly code = "Gone";
}

/** Stored bytes, or bytes handed in as data, are not what they claim to be. */
export class CorruptError extends PennonError {
  override readonly name = "CorruptError";
  readonly code = "Corrupt";
}

/** The object was closed before, or while, the call was made. */
export class ClosedError extends PennonError {
  override readonly name = "ClosedError";
  readonly code = "Closed";
}
