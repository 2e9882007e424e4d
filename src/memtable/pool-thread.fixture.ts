/** A worker of the pool's tests: reads as it is told, and compares every byte with what its generation and position say it must be. */
import { parentPort, threadId, workerData } from "node:worker_threads";
import { shape, wrong } from "./pool.fixture.js";
import type { PoolHandle } from "./pool-handle.js";
import { PoolReader } from "./pool-reader.js";
import type { PoolSnapshot } from "./pool-snapshot.js";

/** Words that a test and its worker share. */
export const BOARD = {
  /** Raised by the test, which notifies: what the worker is to do next. */
  COMMAND: 0,
  /** Raised by the worker with each snapshot that was checked. */
  CHECKED: 1,
} as const;

/** What a worker can be told. */
export const COMMAND = { WAIT: 0, STOP: 1, EXIT: 2 } as const;

/** What a worker is to do. */
export interface PoolTask {
  /** `idle` takes one snapshot and lets it go, `hold` keeps it, `read` takes one after the other. */
  readonly task: "idle" | "hold" | "read";
  readonly handle: PoolHandle;
  readonly board: Int32Array;
  readonly durableOnly: boolean;
}

/** What a worker says. */
export type PoolAnswer =
  | { readonly ready: number; readonly shape: readonly (readonly [number, number])[] }
  | { readonly answer: ReadAnswer };

/** What a worker has seen. */
export interface ReadAnswer {
  readonly checked: number;
  /** Different generations. */
  readonly generations: number;
  /** What was wrong first. */
  readonly wrong: string | undefined;
}

function say(answer: PoolAnswer): void {
  parentPort?.postMessage(answer);
}

/** Whether `now` can follow on `before`: what was there before is there, or was released, and no memtable has become shorter. */
function wentBack(
  before: readonly (readonly [number, number])[],
  now: readonly (readonly [number, number])[],
): boolean {
  const [oldest] = now;
  const [lastBefore, lastNow] = [before.at(-1), now.at(-1)];
  if (lastBefore !== undefined && lastNow !== undefined && lastNow[0] < lastBefore[0]) return true;
  return before.some(([generation, batches]) => {
    if (oldest === undefined || generation < oldest[0]) return false;
    const found = now.find(([other]) => other === generation);
    return found === undefined || found[1] < batches;
  });
}

function read(reader: PoolReader, { board, durableOnly }: PoolTask): ReadAnswer {
  let before: [number, number][] = [];
  let found: string | undefined;
  let checked = 0;
  const generations = new Set<number>();
  // Two snapshots at a time: the pins of one are shared by the next.
  let kept: PoolSnapshot | undefined;
  while (Atomics.load(board, BOARD.COMMAND) === COMMAND.WAIT && found === undefined) {
    const snapshot = reader.snapshot({ durableOnly });
    const now = shape(snapshot);
    found = wrong(snapshot) ?? (kept === undefined ? undefined : wrong(kept));
    if (wentBack(before, now)) found ??= `${JSON.stringify(before)} became ${JSON.stringify(now)}`;
    for (const [generation] of now) generations.add(generation);
    before = now;
    kept?.release();
    kept = checked % 3 === 0 ? undefined : snapshot;
    if (kept === undefined) snapshot.release();
    Atomics.store(board, BOARD.CHECKED, ++checked);
    Atomics.notify(board, BOARD.CHECKED);
  }
  kept?.release();
  if (found !== undefined) finishBoard(board);
  return { checked, generations: generations.size, wrong: found };
}

function hold(snapshot: PoolSnapshot, board: Int32Array): ReadAnswer {
  const before = JSON.stringify(shape(snapshot));
  let found: string | undefined;
  let checked = 0;
  while (Atomics.load(board, BOARD.COMMAND) === COMMAND.WAIT && found === undefined) {
    found = wrong(snapshot);
    if (JSON.stringify(shape(snapshot)) !== before) found ??= "the snapshot has changed";
    Atomics.store(board, BOARD.CHECKED, ++checked);
    Atomics.notify(board, BOARD.CHECKED);
    Atomics.wait(board, BOARD.COMMAND, COMMAND.WAIT, 1);
  }
  if (found !== undefined) finishBoard(board);
  return { checked, generations: snapshot.memtables.length, wrong: found };
}

/** Lets nobody wait for a worker that has stopped. */
function finishBoard(board: Int32Array): void {
  Atomics.store(board, BOARD.CHECKED, 2 ** 30);
  Atomics.notify(board, BOARD.CHECKED);
}

function run(task: PoolTask): void {
  const reader = PoolReader.attach(task.handle);
  const snapshot = reader.snapshot({ durableOnly: task.durableOnly });
  say({ ready: threadId, shape: shape(snapshot) });
  if (task.task !== "hold") snapshot.release();
  if (task.task === "idle") Atomics.wait(task.board, BOARD.COMMAND, COMMAND.WAIT);
  if (task.task === "read") say({ answer: read(reader, task) });
  if (task.task === "hold") say({ answer: hold(snapshot, task.board) });
  // Told to exit it ends with its snapshot held, and its reader not closed.
  if (Atomics.load(task.board, BOARD.COMMAND) === COMMAND.EXIT) return;
  snapshot.release();
  reader.close();
}

if (parentPort !== null) run(workerData);
