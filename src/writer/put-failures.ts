/**
 * What puts and calls fail with once the writer has stopped.
 *
 * @module
 */
import { ClosedError, ConflictError, OutcomeUnknownError } from "../errors.js";
import type { WaitingPut } from "./waiting-put.js";

/** What a put fails with that was pending when the writer stopped. */
export function failureOf(failure: Error, put: WaitingPut): Error {
  if (failure instanceof OutcomeUnknownError) {
    return new OutcomeUnknownError(failure.message, { cause: failure.cause ?? failure, position: put.position });
  }
  return failure;
}

/** What calls fail with after the writer has stopped. */
export function closedBy(failure: Error): Error {
  const fence = failure instanceof ConflictError ? failure : failure.cause;
  if (fence instanceof ConflictError) {
    return new ConflictError(`this writer is fenced: ${fence.message}`, { cause: failure });
  }
  return new ClosedError(
    `the writer has stopped (${failure.message}); close it and open again, which replays the log`,
    {
      cause: failure,
    },
  );
}
