/**
 * What a file is called in a table's log, so that an ingest that was cut short finds out how far it came.
 *
 * The counter `ingest:<16 hex digits>:<24 hex digits>` holds the number of the file's rows that are in the table. The first digits stand
 * for its path, the second for its contents: its size, and its first and last 64 KiB. So a file that has changed is told from the
 * one that was begun.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { open, realpath, stat } from "node:fs/promises";
import { UsageError } from "../../errors.js";
import type { InputSource } from "../../input/input.js";
import { COUNTER_BOUNDS } from "../../lance/wal-entry.js";

/** A source that can be read again. */
export interface SourceIdentity {
  /** As it was given. */
  readonly path: string;
  /** Name of its counter. */
  readonly counter: string;
}

const PREFIX = "ingest:";
const PATH_DIGITS = 16;
const CONTENT_DIGITS = 24;
const SAMPLE_BYTES = 65_536;
/** Counters that the table needs for itself. */
const RESERVED = 1;

/**
 * Undefined for a source that can be read only once: standard input, a pipe. Also for one that is not there, of which the reader of it
 * will tell.
 */
export async function identityOf(source: InputSource): Promise<SourceIdentity | undefined> {
  if (!("path" in source)) return undefined;
  const { path } = source;
  // A pipe must not even be opened: closing it again would end its writer.
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined || !stats.isFile()) return undefined;
  const contents = createHash("sha256").update(`${stats.size}\n`);
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    for (const start of [0, Math.max(0, stats.size - SAMPLE_BYTES)]) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, start);
      contents.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
  const place = createHash("sha256").update(await realpath(path));
  const digits = [place.digest("hex").slice(0, PATH_DIGITS), contents.digest("hex").slice(0, CONTENT_DIGITS)];
  return { path, counter: PREFIX + digits.join(":") };
}

/** @throws UsageError when the source has no identity because it can be read only once */
export async function assertReadableAgain(source: InputSource): Promise<void> {
  const name = "path" in source ? source.path : source.name;
  const stats = "path" in source ? await stat(source.path).catch(() => undefined) : undefined;
  if ("path" in source && (stats === undefined || stats.isFile() || stats.isDirectory())) return;
  throw new UsageError(`--resume needs files: ${name} cannot be read again from its start`);
}

/** @throws UsageError when a file is named twice */
export function assertGivenOnce(identities: readonly SourceIdentity[]): void {
  const seen = new Set<string>();
  for (const { path, counter } of identities) {
    if (seen.has(counter)) throw new UsageError(`${path} is given more than once`);
    seen.add(counter);
  }
}

/**
 * Holds the sources against what the table's log remembers of earlier ingests.
 *
 * @param table name of the table, for errors
 * @throws UsageError when one was begun before and is not to be resumed; one is to be resumed and has changed; or the log cannot
 * remember so many
 */
export function checkSources(
  identities: readonly SourceIdentity[],
  counters: ReadonlyMap<string, bigint>,
  table: string,
  resume: boolean,
): void {
  for (const { path, counter } of identities) {
    const rows = counters.get(counter);
    if (rows !== undefined && !resume) {
      throw new UsageError(
        `${path}: ${rows} of its rows are in ${table} already; go on behind them with --resume, or take another table`,
      );
    }
    const place = counter.slice(0, -CONTENT_DIGITS);
    const others = [...counters.keys()].filter((name) => name.startsWith(place));
    if (resume && rows === undefined && others.length > 0) {
      throw new UsageError(
        `${path} has changed since rows of it were put into ${table}, so nobody knows which of them are there; leave --resume out to put all of its rows, or take another table`,
      );
    }
  }
  const names = new Set([...counters.keys(), ...identities.map(({ counter }) => counter)]);
  if (names.size + RESERVED > COUNTER_BOUNDS.counters) {
    throw new UsageError(
      `the log of ${table} remembers ${counters.size} of at most ${COUNTER_BOUNDS.counters} counters, and these files need ${names.size - counters.size} more; take another table, or join the files`,
    );
  }
}
