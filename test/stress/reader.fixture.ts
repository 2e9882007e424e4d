/**
 * A reading thread: in each round it takes the handle, reads in another way than in the round before, and verifies all it sees.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { GoneError } from "../../src/errors.js";
import { BatchStore } from "../../src/store/batch-store.js";
import type { StoreHandle } from "../../src/store/handle.js";
import { Board, sleepSync } from "./board.js";
import { Content } from "./content.js";
import { mix } from "./run.js";
import { sharedBuffer, Verifier } from "./verify.js";

/** What the worker is given. */
export interface ReaderInput {
  readonly seed: number;
  readonly reader: number;
  readonly mostRows: number;
  readonly board: SharedArrayBuffer;
  /** One handle a round. */
  readonly handles: MessagePort;
}

/** What it answers: batches verified, and by which way of reading. */
export interface ReaderResult {
  readonly verified: number;
  /** Batches that were in stores this reader has read to the end. */
  readonly whole: number;
  readonly byRole: Readonly<Record<string, number>>;
  /** Times a handle turned out to be of recycled memory. */
  readonly refused: number;
}

/** A round as a role sees it. */
interface Turn {
  readonly attach: () => Opened;
  readonly verified: (count: number) => void;
  readonly chance: (purpose: number, end: number) => number;
}

interface Opened {
  readonly store: BatchStore;
  readonly verifier: Verifier;
}

/** Reads one round; true when it has verified every batch of the store. */
type Role = (turn: Turn) => Promise<boolean> | boolean;

const WAIT_MS = 20_000;

/** Verifies [from, length) and returns the length; the store is finished when that was seen before the length. */
function verifyFrom({ store, verifier }: Opened, from: number, turn: Turn): number {
  const length = verifier.length();
  for (const batch of store.iterate({ from, to: length })) verifier.batch(batch);
  turn.verified(length - from);
  return length;
}

const roles: Readonly<Record<string, Role>> = {
  polling(turn) {
    const opened = turn.attach();
    for (let seen = 0; ; ) {
      const { finished } = opened.store;
      seen = verifyFrom(opened, seen, turn);
      opened.verifier.snapshot();
      if (finished) break;
    }
    opened.store.close();
    return true;
  },

  async following(turn) {
    const { store, verifier } = turn.attach();
    let next = 0;
    for await (const batch of store.follow()) {
      if (batch.position !== next++) throw new Error(`follow gave batch ${batch.position} instead of ${next - 1}`);
      verifier.batch(batch);
    }
    if (next !== verifier.length()) throw new Error(`follow ended after ${next} of ${store.length} batches`);
    turn.verified(next);
    store.close();
    return true;
  },

  waiting(turn) {
    const opened = turn.attach();
    const { store } = opened;
    for (let seen = 0; ; ) {
      const { finished } = store;
      const target = Math.min(seen + 1, store.capacity);
      const length = store.waitForLengthSync(target, { timeout: WAIT_MS });
      if (length < target && !store.finished) throw new Error(`waited ${WAIT_MS} ms for batch ${seen} in vain`);
      seen = verifyFrom(opened, seen, turn);
      if (finished) break;
    }
    store.close();
    return true;
  },

  backwards(turn) {
    const { store, verifier } = turn.attach();
    for (let seen = 0; ; ) {
      const { finished } = store;
      const from = finished ? 0 : seen;
      seen = verifier.length();
      const batches = store.iterate({ from, to: seen, reverse: true });
      for (const batch of batches) {
        verifier.batch(batch);
        if (batch.position !== from + batches.remaining) throw new Error(`batch ${batch.position} came out of order`);
      }
      turn.verified(seen - from);
      if (finished) break;
    }
    store.close();
    return true;
  },

  /** Looks at nothing but the newest batch, the moment it appears. */
  newest(turn) {
    const { store, verifier } = turn.attach();
    for (let seen = 0; ; ) {
      const { finished } = store;
      const length = verifier.length();
      const batch = length === seen ? undefined : store.get(length - 1);
      if (batch !== undefined) {
        verifier.batch(batch);
        turn.verified(1);
      }
      seen = length;
      if (finished) break;
    }
    store.close();
    return false;
  },

  late(turn) {
    sleepSync(turn.chance(1, 25));
    return roles["polling"]?.(turn) ?? false;
  },

  reattaching(turn) {
    let opened = turn.attach();
    for (let seen = 0, stay = 0; ; stay++) {
      const { finished } = opened.store;
      seen = verifyFrom(opened, seen, turn);
      if (finished) break;
      if (stay % 3 !== 2) continue;
      opened.store.close();
      opened = turn.attach();
    }
    opened.store.close();
    return true;
  },

  stopping(turn) {
    const opened = turn.attach();
    const { store } = opened;
    const enough = turn.chance(2, 300);
    for (let seen = 0; seen < enough; ) {
      const { finished } = store;
      seen = verifyFrom(opened, seen, turn);
      if (finished) break;
    }
    store.close();
    return false;
  },
};

async function run({ seed, reader, mostRows, board: words, handles }: ReaderInput): Promise<ReaderResult> {
  const board = new Board(words);
  const names = Object.keys(roles);
  const byRole: Record<string, number> = {};
  let verified = 0;
  let whole = 0;
  let refused = 0;
  for (let round = 0; board.awaitRound(round); round++) {
    const handle: StoreHandle = receiveMessageOnPort(handles)?.message;
    const content = new Content(seed, round, mostRows);
    const name = names[(reader + mix(seed, round)) % names.length] ?? "";
    let length = 0;
    const turn: Turn = {
      attach() {
        const store = BatchStore.attach(handle, { cachedBatches: 64 });
        board.attached(reader, round);
        return { store, verifier: new Verifier(store, content, sharedBuffer(handle)) };
      },
      verified(count) {
        length += count;
      },
      chance: (purpose, end) => mix(seed, round, reader, purpose) % end,
    };
    try {
      if (await roles[name]?.(turn)) whole += length;
    } catch (error) {
      // Between two attachments of one reader the memory may pass to another round.
      if (!(error instanceof GoneError && name === "reattaching" && length > 0)) {
        throw new Error(
          `reader ${reader}, round ${round}, ${name}: ${error instanceof Error ? error.message : error}`,
          {
            cause: error,
          },
        );
      }
      refused++;
    }
    verified += length;
    byRole[name] = (byRole[name] ?? 0) + length;
    board.through(reader, round);
  }
  handles.close();
  return { verified, whole, byRole, refused };
}

run(workerData).then((result) => parentPort?.postMessage(result));
