/**
 * Errors as plain data, to cross threads: a structured clone keeps the message of an `Error` and loses its class.
 *
 * @module
 */
import {
  ClosedError,
  ConflictError,
  CorruptError,
  type ErrorCode,
  FencedError,
  type FullBound,
  FullError,
  GoneError,
  OutcomeUnknownError,
  PennonError,
  RetryableError,
  StorageError,
  UsageError,
} from "../errors.js";

/** What is kept of an error. */
export interface PlainError {
  readonly code: ErrorCode | "Defect";
  readonly message: string;
  readonly stack?: string | undefined;
  readonly bound?: FullBound;
  readonly position?: string | undefined;
  readonly retryable?: boolean;
  readonly fenced?: boolean;
  readonly cause?: PlainError;
}

/** Causes kept at most, one below the other. */
const MAX_CAUSES = 8;

export function toPlainError(error: unknown, depth = 0): PlainError {
  if (!(error instanceof Error)) return { code: "Defect", message: String(error) };
  const cause = error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: toPlainError(error.cause, depth + 1) };
  const common = { message: error.message, stack: error.stack, ...cause };
  if (error instanceof FullError) return { code: error.code, bound: error.bound, ...common };
  if (error instanceof OutcomeUnknownError) {
    return { code: error.code, position: error.position, retryable: error.retryable, ...common };
  }
  if (error instanceof FencedError) return { code: error.code, fenced: true, ...common };
  return { code: error instanceof PennonError ? error.code : "Defect", ...common };
}

export function fromPlainError(plain: PlainError): Error {
  const error = rebuild(plain, plain.cause === undefined ? {} : { cause: fromPlainError(plain.cause) });
  if (plain.stack !== undefined) error.stack = plain.stack;
  return error;
}

function rebuild(plain: PlainError, options: ErrorOptions): Error {
  const { message } = plain;
  switch (plain.code) {
    case "Usage":
      return new UsageError(message, options);
    case "Full":
      return new FullError(message, plain.bound ?? "bytes", options);
    case "Retryable":
      return new RetryableError(message, options);
    case "Conflict":
      return plain.fenced === true ? new FencedError(message, options) : new ConflictError(message, options);
    case "OutcomeUnknown":
      return new OutcomeUnknownError(message, {
        ...options,
        position: plain.position,
        retryable: plain.retryable ?? false,
      });
    case "Gone":
      return new GoneError(message, options);
    case "Corrupt":
      return new CorruptError(message, options);
    case "Storage":
      return new StorageError(message, options);
    case "Closed":
      return new ClosedError(message, options);
    case "Defect":
      return new Error(message, options);
  }
}
