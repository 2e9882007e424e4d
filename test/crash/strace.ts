/**
 * strace, which watches the system calls of a process, and makes chosen ones fail or wait.
 *
 * @module
 */
import { execFileSync } from "node:child_process";

/** Of Debian's package of that name. */
const TRACER = "strace";

/** Whether a tracer is there and may trace; says loudly when not. */
export function hasStrace(whatIsSkipped: string): boolean {
  try {
    execFileSync(TRACER, ["-o", "/dev/null", "true"], { stdio: "ignore" });
    return true;
  } catch {
    console.warn(`SKIPPED: ${whatIsSkipped}: strace is not there or may not trace (Debian: apt-get install strace).`);
    return false;
  }
}

/** What is traced, and done to it. */
export interface StraceOptions {
  /** Names of the calls. */
  readonly calls: readonly string[];
  /** Such as `link:error=EIO:when=3`. Each thread counts for itself. */
  readonly injections?: readonly string[];
  /** Each thread's calls go to a file of this name with `.` and its id behind it. @default nowhere */
  readonly log?: string;
  /** All calls go to `log` itself, in the order in which they were made. @default false */
  readonly inOneLog?: boolean;
}

/** A command that runs the one behind it under the tracer, all its threads. */
export function straced({ calls, injections = [], log, inOneLog = false }: StraceOptions): string[] {
  const inject = injections.flatMap((injection) => ["-e", `inject=${injection}`]);
  const output = log === undefined ? ["-f", "-o", "/dev/null"] : [inOneLog ? "-f" : "-ff", "-o", log];
  // With short strings: paths are shown whole all the same.
  return [TRACER, ...output, "-y", "-qq", "-s", "300", "-e", `trace=${calls.join(",")}`, ...inject];
}
