/**
 * Gives a file its final name, unless that is taken: the step in which an object comes to be.
 *
 * A network file system may link, lose its reply, try again and then say that the name is taken, by what it made itself. So
 * no refusal is believed before the two names were compared: when they lead to the same file, it is done.
 *
 * @module
 */
import { linkSync, statSync } from "node:fs";
import { OutcomeUnknownError, StorageError } from "../errors.js";
import { beforeEffect, failureCode, isWithoutLinks, reason } from "./file-errors.js";
import { ObjectExistsError } from "./object-store.js";

/** After these the server below may still do it. */
const MAY_YET_HAPPEN = new Set([
  "ETIMEDOUT",
  "ECONNRESET",
  "ECONNABORTED",
  "ENOTCONN",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ESTALE",
  "EREMOTEIO",
]);

/**
 * @param temporary path of the file, in the same directory
 * @param path its final name
 * @returns false when the temporary file is not there any more
 * @throws ObjectExistsError, StorageError, RetryableError; OutcomeUnknownError when it could not be found out whether it was done
 */
export function linkFile(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    return settle(error, temporary, path);
  }
}

function settle(error: unknown, temporary: string, path: string): boolean {
  const code = failureCode(error);
  const doing = `Linking ${path}`;
  const found = compare(temporary, path);
  if (found === "same") return true;
  if (code === "EEXIST" && found !== "unclear")
    throw new ObjectExistsError(`${path} is taken: somebody else has created it.`, { cause: error });
  if (code === "ENOENT" && found === "no temporary") return false;
  if (found === "unclear" || MAY_YET_HAPPEN.has(code))
    throw new OutcomeUnknownError(
      `${doing}: ${reason(error)}. It may have been done; look whether the object is there.`,
      {
        cause: error,
        retryable: true,
      },
    );
  if (isWithoutLinks(error))
    throw new StorageError(
      `${doing}: ${reason(error)}. A log needs a file system with hard links, as ext4, XFS, btrfs, ZFS, APFS, NTFS and NFS have them, and leave to make them. Nothing was written; move the table to such a one.`,
      { cause: error },
    );
  throw beforeEffect(error, doing);
}

type Comparison = "same" | "different" | "no temporary" | "unclear";

function compare(temporary: string, path: string): Comparison {
  try {
    const ours = statSync(temporary, { bigint: true, throwIfNoEntry: false });
    if (ours === undefined) return "no temporary";
    const theirs = statSync(path, { bigint: true, throwIfNoEntry: false });
    // Some file systems number no files: then the same number says nothing.
    return theirs !== undefined && ours.ino !== 0n && ours.ino === theirs.ino && ours.dev === theirs.dev
      ? "same"
      : "different";
  } catch {
    return "unclear";
  }
}
