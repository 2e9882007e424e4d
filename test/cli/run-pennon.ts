/**
 * Runs the built `pennon` command as a user does: dist/cli/main.js in a process of its own.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Folder of the repository. */
export const root = fileURLToPath(new URL("../../", import.meta.url));
const main = `${root}dist/cli/main.js`;
/** Real data. */
export const data = `${root}node_modules/vega-datasets/data/`;

/** How a run ended. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run in progress. */
export interface Run {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
}

/** Longest time a run may take before it counts as hanging. */
const MOST_MS = 25_000;

/** Starts `node` with these arguments; standard input stays open. */
export function startNode(args: readonly string[]): Run {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NO_COLOR: "1", PENNON_DEBUG: "" },
    timeout: MOST_MS,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  // A run that fails early does not read its standard input.
  child.stdin.on("error", () => {});
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, outcome };
}

/** Starts the command; standard input stays open. */
export function startPennon(...args: readonly string[]): Run {
  return startNode([main, ...args]);
}

/** Runs the command to its end with this standard input. */
export async function pennon(args: readonly string[], input: string | Uint8Array = ""): Promise<Outcome> {
  const { child, outcome } = startPennon(...args);
  child.stdin?.end(input);
  return await outcome;
}

/** One column in the JSON output, as far as tests look at it. */
export interface ReportedColumn {
  readonly name: string;
  readonly type: string;
  readonly rows: number;
  readonly nulls: number;
  readonly min?: unknown;
  readonly max?: unknown;
  readonly mean?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly checksum: string;
}

/** The JSON output, as far as tests look at it. */
export interface Report {
  readonly rows: number;
  readonly batches: number;
  readonly stores: number;
  readonly readers: number;
  /** Null when only one thread computed anything. */
  readonly agree: boolean | null;
  readonly verified: boolean;
  readonly sources: readonly { readonly name: string; readonly format: string; readonly rows: number }[];
  readonly columns: readonly ReportedColumn[];
}

/** Runs `pennon ingest --json`, which must succeed without a word on standard error. */
export async function ingestJson(args: readonly string[], input: string | Uint8Array = ""): Promise<Report> {
  const { code, stdout, stderr } = await pennon(["ingest", "--json", ...args], input);
  if (code !== 0 || stderr !== "") throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout);
}
