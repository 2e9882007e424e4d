/**
 * Writes many pieces of memory to a file, one after the other and each wholly.
 *
 * A system takes at most IOV_MAX pieces a call, and may take fewer bytes than it was given.
 *
 * @module
 */
import { writevSync } from "node:fs";

/** IOV_MAX of Linux, macOS and the BSDs; more would be cut into several calls below us. */
const MAX_PIECES = 1024;

/**
 * @param fd a file open for writing, at the place where to write
 * @param parts may be empty, and lie in shared memory
 * @throws the system's own error, or one of code EIO when it takes no bytes
 */
export function writeParts(fd: number, parts: readonly Uint8Array[]): void {
  const pieces = parts.filter((part) => part.byteLength > 0);
  for (let first = 0; first < pieces.length; first += MAX_PIECES) {
    writeSome(fd, pieces.length <= MAX_PIECES ? pieces : pieces.slice(first, first + MAX_PIECES));
  }
}

function writeSome(fd: number, pieces: readonly Uint8Array[]): void {
  let rest = pieces;
  while (rest.length > 0) {
    const written = writevSync(fd, rest);
    if (written <= 0) throw Object.assign(new Error("EIO: the system took no bytes, write"), { code: "EIO" });
    rest = after(rest, written);
  }
}

/** What is left of `pieces` after so many of their bytes. */
function after(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes;
  for (const [index, piece] of pieces.entries()) {
    if (left < piece.byteLength) return [piece.subarray(left), ...pieces.slice(index + 1)];
    left -= piece.byteLength;
  }
  return [];
}
