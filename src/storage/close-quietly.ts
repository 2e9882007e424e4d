import { closeSync } from "node:fs";

/**
 * Closes a descriptor whose bytes are safe, or of no account, whatever closing it says: one that was only read or synced, or belongs
 * to a file that is thrown away.
 */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Nothing depends on it, and the descriptor is gone either way.
  }
}
