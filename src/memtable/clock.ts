/**
 * A clock that all threads of a process share and nobody can set: milliseconds in a 32-bit word, which begin anew after 49 days.
 *
 * @module
 */

/** Milliseconds since some moment, as a signed 32-bit number. */
export function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return (seconds * 1_000 + Math.floor(nanoseconds / 1e6)) | 0;
}

/** Milliseconds from `then` to `now`, right for up to 24 days. */
export function elapsedMs(then: number, now: number): number {
  return (now - then) | 0;
}
