/**
 * Who owns a shard on this machine, in the terms common to sockets and pipes.
 *
 * @module
 */
import { ConflictError } from "../errors.js";

export interface ClaimOptions {
  /** Go on although another process owns the shard, and take its name away. @default false */
  readonly takeover?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Who owns a shard. What only the owner itself can tell is missing when it did not answer. */
export interface Owner {
  /** Missing only on Windows, when the owner did not answer. */
  readonly pid?: number;
  /** When it opened the shard: ISO 8601, UTC. */
  readonly since?: string;
  /** Epoch of its claim. */
  readonly epoch?: number;
  /** False when it is there and did not answer in time: stopped, or busy. */
  readonly answers: boolean;
}

/** Holds a shard's name until it is closed or this process ends; keeps no process alive. */
export interface Ownership {
  /** Has askers told the epoch. */
  announce(epoch: number): void;
  /** Gives the name up, when it is still ours. Closing twice does nothing. */
  close(): Promise<void>;
}

/** The error of one who finds the shard owned. */
export function ownedBy(shard: string, { pid, since, answers }: Owner): ConflictError {
  const process_ = pid === undefined ? "another process" : `process ${pid}`;
  const who = pid === process.pid ? `this process (${pid}), in another thread or another copy of pennon` : process_;
  const when = since === undefined ? "" : ` since ${since}`;
  const silent = answers ? "" : ", which does not answer";
  return new ConflictError(
    `${shard} is open for writing in ${who}${when}${silent}; close it there, or open with takeover: true to fence that writer`,
  );
}
