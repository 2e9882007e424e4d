/**
 * The command line: its commands, and how its mistakes are reported.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { adoptCommand } from "./commands/adopt.js";
import { compactCommand } from "./commands/compact.js";
import { detachCommand } from "./commands/detach.js";
import { flushCommand } from "./commands/flush.js";
import { gcCommand } from "./commands/gc.js";
import { ingestCommand } from "./commands/ingest.js";
import { repairCommand } from "./commands/repair.js";
import { statsCommand } from "./commands/stats.js";
import { verifyCommand } from "./commands/verify.js";
import { walCommand } from "./commands/wal.js";
import { EXIT, failureOf } from "./failure.js";
import { oneLine } from "./one-line.js";

const EXAMPLES = `
Examples:
  $ pennon ingest flights.parquet
  $ pennon ingest --into db/flights flights.parquet
  $ pennon wal db/flights

\`pennon ingest --help\` has more, and so have the others.`;

/**
 * Runs a command line and prints what comes of it.
 *
 * @param args without node and script
 * @returns the exit code
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.OK;
  const program = new Command("pennon")
    .description(
      "The fresh tier for Lance tables: rows in shared memory that every thread sees at once, without a copy.",
    )
    .version(`pennon ${packageVersion()}`, "-V, --version", "print the version")
    .showSuggestionAfterError();
  const done = (code: number): void => {
    exitCode = code;
  };
  const commands = [
    ingestCommand(done),
    walCommand(done),
    statsCommand(done),
    repairCommand(done),
    flushCommand(done),
    compactCommand(done),
    gcCommand(done),
    verifyCommand(done),
    adoptCommand(done),
    detachCommand(done),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...commands]) {
    command.exitOverride().configureOutput({ outputError: (text, write) => write(mistake(text, command.name())) });
  }
  program.addHelpText("after", EXAMPLES);
  if (args.length === 0) {
    program.outputHelp();
    return EXIT.OK;
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.BAD_INPUT;
    const failure = failureOf(error);
    process.stderr.write(`${failure.message}\n`);
    return failure.exitCode;
  }
}

/** Commander's message as one line of ours. */
function mistake(text: string, command: string): string {
  const message = text
    .trim()
    .replace(/^error: /, "")
    .replace(/\s*\n\s*/g, " ")
    .replace(/\.$/, "");
  const help = command === "pennon" ? "pennon --help" : `pennon ${command} --help`;
  return `pennon: ${oneLine(message)}; see ${help}\n`;
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const version = typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : "";
  return String(version);
}
