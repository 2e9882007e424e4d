/**
 * What may name an object: the same for every store, so that what is written to one can be copied to any other.
 *
 * A key is 1 to 8 parts with `/` between them. A part is 1 to 255 of the characters `A-Z a-z 0-9 . _ - =`; it neither starts with a
 * dot (`..`, and names that stores keep for themselves) nor ends with one (Windows drops it), and is not the name of a Windows
 * device, whatever its extension. All characters are ASCII: comparing keys as strings is comparing their bytes.
 *
 * No key may be the whole beginning of another ("a" and "a/b"): a file is no directory, and a store of files refuses the later one.
 * Keys that differ only in the case of letters are two objects in most places and one in some file systems: do not use such.
 *
 * @module
 */
import { UsageError } from "../errors.js";

const MAX_PARTS = 8;
const PART = /^(?!\.)(?!(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))[\w.=-]{1,255}(?<!\.)$/i;

/** Whether this can be a part of a key. */
export function isKeyPart(part: string): boolean {
  return PART.test(part);
}

/** @throws UsageError when this cannot be a key */
export function assertKey(key: string): void {
  const parts = key.split("/", MAX_PARTS + 1);
  if (parts.length <= MAX_PARTS && parts.every(isKeyPart)) return;
  throw new UsageError(`${JSON.stringify(key)} cannot name an object: ${EXPECTED}`);
}

/** @throws UsageError when no key can start with this, or it ends within a part */
export function assertPrefix(prefix: string): void {
  const parts = prefix.split("/", MAX_PARTS + 1);
  const last = parts.pop();
  if (last === "" && parts.length < MAX_PARTS && parts.every(isKeyPart)) return;
  throw new UsageError(
    `${JSON.stringify(prefix)} cannot be a prefix: expected parts of a key, ending in a slash, or nothing. ${EXPECTED}`,
  );
}

/** @throws UsageError when this cannot limit a listing */
export function assertLimit(limit: number): void {
  if (limit !== Number.POSITIVE_INFINITY && (!Number.isSafeInteger(limit) || limit < 0))
    throw new UsageError(`A listing cannot be limited to ${limit} objects: expected a whole number, or no limit.`);
}

const EXPECTED = `expected 1 to ${MAX_PARTS} parts of 1 to 255 letters, digits and . _ - = with slashes between them, none starting or ending with a dot or called like a Windows device.`;
