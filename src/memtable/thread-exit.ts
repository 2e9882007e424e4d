/**
 * Closes what this thread has open in shared memory when the thread ends by itself: a worker that is terminated runs no code any more.
 *
 * @module
 */

/** What can be closed, synchronously. */
export interface Closable {
  close(): void;
}

const open = new Set<Closable>();
let listening = false;

/** Has `closable` closed when the thread exits. */
export function closeAtExit(closable: Closable): void {
  open.add(closable);
  if (listening) return;
  listening = true;
  process.on("exit", closeAll);
}

/** Says that `closable` was closed before. */
export function closedBefore(closable: Closable): void {
  open.delete(closable);
}

function closeAll(): void {
  for (const closable of [...open]) closable.close();
}
