/**
 * The errors Pennon throws: a small set of classes, each with a stable `code`.
 *
 * `code` is what programs should test (it survives structured clone between threads and two copies of the package in one
 * process); `retryable` says whether doing the same thing again can succeed without changing anything else.
 *
 * @module
 */

/** The stable code of each error class. */
export type ErrorCode =
  | "Usage"
  | "Full"
  | "Retryable"
  | "Conflict"
  | "OutcomeUnknown"
  | "Gone"
  | "Corrupt"
  | "Storage"
  | "Closed";

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

/** Which bound was reached. */
export type FullBound = "batches" | "bytes" | "rows" | "puts" | "memtables" | "readers";

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

/** The shard was claimed by another writer, or takes no writers any more: this one will never write again. */
export class FencedError extends ConflictError {}

/** What is known of an operation whose outcome is not. */
export interface OutcomeUnknownOptions extends ErrorOptions {
  /** Where the rows are in the history of the table, if they are there. */
  readonly position?: string | undefined;
  /** True when doing the very same thing again settles the outcome. @default false */
  readonly retryable?: boolean;
}

/** The operation may or may not have taken effect. */
export class OutcomeUnknownError extends PennonError {
  override readonly name = "OutcomeUnknownError";
  readonly code = "OutcomeUnknown";
  override readonly retryable: boolean;
  /** Where the rows are in the history of the table, if they are there. */
  readonly position: string | undefined;

  constructor(message: string, options: OutcomeUnknownOptions = {}) {
    super(message, options);
    this.retryable = options.retryable ?? false;
    this.position = options.position;
  }
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

/**
 * The storage below refused, for a reason that does not pass by itself: no permission, no space, a failing device. Nothing was written
 * that a reader could see.
 */
export class StorageError extends PennonError {
  override readonly name = "StorageError";
  readonly code = "Storage";
}

/** The object was closed before, or while, the call was made. */
export class ClosedError extends PennonError {
  override readonly name = "ClosedError";
  readonly code = "Closed";
}
