/**
 * What a process has done to files, as a tracer has seen it: one event for each call that succeeded, in the order in which they ended.
 *
 * @module
 */
import { readFileSync } from "node:fs";

/** Paths are absolute. */
export type FileEvent =
  /** A file is there from now on, if it was not before. */
  | { readonly kind: "create"; readonly path: string; readonly truncated: boolean }
  /** Bytes at a place of a file, or at its end. */
  | { readonly kind: "write"; readonly path: string; readonly at: number | undefined; readonly bytes: Buffer }
  | { readonly kind: "mkdir" | "unlink" | "rmdir" | "sync"; readonly path: string }
  | { readonly kind: "link" | "rename"; readonly path: string; readonly from: string }
  /** A line on standard output. */
  | { readonly kind: "said"; readonly line: string };

/** Calls that are traced. */
const CALLS = [
  ...["open", "openat", "creat", "write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "fallocate"],
  ...["copy_file_range", "sendfile", "link", "linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat"],
  ...["mkdir", "mkdirat", "rmdir", "fsync", "fdatasync"],
];

/** A command that runs the one behind it under the tracer; every byte that is written goes into `log`. */
export function tracedWrites(log: string): string[] {
  const whole = ["-v", "-xx", "-s", "100000000"];
  return ["strace", "-f", "-y", "-qq", ...whole, "-o", log, "-e", `trace=${CALLS.join(",")}`, "-e", "signal=none"];
}

/** @throws Error when there is a call that this does not know */
export function readHistory(log: string): FileEvent[] {
  const begun = new Map<string, string>();
  const events: FileEvent[] = [];
  for (const line of readFileSync(log, "latin1").split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (rest.endsWith("<unfinished ...>")) {
      begun.set(thread, rest.slice(0, -"<unfinished ...>".length));
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const call = resumed === null ? rest : `${begun.get(thread)}${resumed[1]}`;
    const [, name, given] = /^(\w+)\((.*)\)\s+= (?:\d+)(?:<.*>)?$/.exec(call) ?? [];
    if (name === undefined || given === undefined) continue;
    events.push(...eventsOf(name, given));
  }
  return events;
}

function eventsOf(name: string, given: string): FileEvent[] {
  const texts = [...given.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = ""]) => bytesOf(hex));
  const paths = texts.map(String);
  const [, descriptor = "", named = ""] = /^(\d+)<((?:\\x[0-9a-f]{2})*)>/.exec(given) ?? [];
  const opened = String(bytesOf(named));
  const path = paths.at(-1) ?? "";
  switch (name) {
    case "open":
    case "openat":
    case "creat":
      if (name !== "creat" && !given.includes("O_CREAT")) return [];
      return [{ kind: "create", path, truncated: name === "creat" || given.includes("O_TRUNC") }];
    case "write":
    case "writev":
    case "pwrite64":
    case "pwritev":
    case "pwritev2": {
      const bytes = Buffer.concat(texts);
      if (descriptor === "1") return [{ kind: "said", line: bytes.toString().trim() }];
      const at = name.startsWith("p") ? Number(/, (-?\d+)(?:, 0)?$/.exec(given)?.[1]) : -1;
      return opened.startsWith("/") ? [{ kind: "write", path: opened, at: at < 0 ? undefined : at, bytes }] : [];
    }
    case "mkdir":
    case "mkdirat":
      return [{ kind: "mkdir", path }];
    case "rmdir":
      return [{ kind: "rmdir", path }];
    case "unlink":
      return [{ kind: "unlink", path }];
    case "unlinkat":
      return [{ kind: given.includes("AT_REMOVEDIR") ? "rmdir" : "unlink", path }];
    case "link":
    case "linkat":
    case "rename":
    case "renameat":
    case "renameat2":
      return [{ kind: name.startsWith("link") ? "link" : "rename", path, from: paths[0] ?? "" }];
    case "fsync":
    case "fdatasync":
      return [{ kind: "sync", path: opened }];
    default:
      throw new Error(`the process has called ${name}(${given.slice(0, 200)}), which this does not know`);
  }
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll("\\x", ""), "hex");
}
