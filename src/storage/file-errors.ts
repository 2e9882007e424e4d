/**
 * What an error of the file system means to a caller of a store.
 *
 * All of these are for steps after which no reader can see anything of what was to be written. What a failure means once an object has
 * its name is decided where that is known, in local-store.ts.
 *
 * @module
 */
import { type PennonError, RetryableError, StorageError } from "../errors.js";

/** Failures that pass by themselves. The system interrupts, has no descriptors or memory left at the moment, or finds the file in use. */
const PASSING = new Set(["EINTR", "EAGAIN", "EWOULDBLOCK", "EMFILE", "ENFILE", "ENOMEM", "EBUSY", "ETIMEDOUT"]);

/** What a file system says to a link where it knows none. */
const NO_LINKS = new Set(["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK"]);

/** What a system says to the fsync of a directory where it knows none: then nothing more can be done for its names. */
const NO_DIRECTORY_SYNC = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** The system's name of the failure, such as `ENOSPC`; empty when it has none. */
export function failureCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Whether the path leads to nothing. */
export function isAbsent(error: unknown): boolean {
  const code = failureCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** Whether a link was refused because the file system makes none. */
export function isWithoutLinks(error: unknown): boolean {
  return NO_LINKS.has(failureCode(error));
}

/** Whether the fsync of a directory was refused because the system knows no such thing. */
export function isWithoutDirectorySync(error: unknown): boolean {
  return NO_DIRECTORY_SYNC.has(failureCode(error));
}

/** The error for a step that failed before anything could be seen. `doing` reads like "creating /x/y". */
export function beforeEffect(error: unknown, doing: string): PennonError {
  const code = failureCode(error);
  if (PASSING.has(code))
    return new RetryableError(`${doing}: ${reason(error)}. Nothing was written; try again.`, { cause: error });
  return new StorageError(`${doing}: ${reason(error)}. Nothing was written${ADVICE[code] ?? "."}`, { cause: error });
}

/**
 * The error for an fsync that failed before anything could be seen. It does not pass: what was to be synced may be lost to the system
 * already, and a second fsync of it would succeed all the same.
 */
export function syncFailure(error: unknown, doing: string): StorageError {
  return new StorageError(
    `${doing}: ${reason(error)}. Nothing was written that counts; look into the system's log before going on.`,
    {
      cause: error,
    },
  );
}

/** The error for a failed read. */
export function readFailure(error: unknown, doing: string): PennonError {
  const text = `${doing}: ${reason(error)}.`;
  return PASSING.has(failureCode(error))
    ? new RetryableError(text, { cause: error })
    : new StorageError(text, { cause: error });
}

/** The system's own words. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: "; make room on the device.",
  EDQUOT: "; raise the quota or make room.",
  EACCES: "; this process needs leave to write there.",
  EPERM: "; this process needs leave to write there.",
  EROFS: "; the file system is mounted read-only.",
  EIO: "; the device failed: look into the system's log before going on.",
};
