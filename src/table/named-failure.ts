/**
 * Failures of the log, with the table they befell: the log itself knows shards and entries only.
 *
 * @module
 */
import { type ErrorCode, PennonError } from "../errors.js";

/** Errors that are about the table. What is wrong with a call says so itself. */
const NAMED: readonly ErrorCode[] = ["Conflict", "Corrupt", "Full", "OutcomeUnknown", "Retryable", "Storage"];

/**
 * The same error, its message beginning with the table's directory unless that is in it. The object stays the same: one failure is told to
 * all who wait for it, and its class, position, bound and cause are part of it.
 */
export function namedFailure(error: unknown, tableDirectory: string): unknown {
  if (!(error instanceof PennonError) || !NAMED.includes(error.code)) return error;
  const { message, stack } = error;
  if (message.includes(tableDirectory)) return error;
  error.message = `${tableDirectory}: ${message}`;
  if (stack !== undefined) error.stack = stack.replace(message, () => error.message);
  return error;
}
