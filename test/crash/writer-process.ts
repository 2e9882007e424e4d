/**
 * Starts the process that writes, and listens to it.
 *
 * @module
 */
import { bundle } from "../bundle.js";
import { ListenedProcess } from "./listened-process.js";
import type { Told } from "./told.js";
import type { WriterProcessOptions } from "./writer-process.fixture.js";

/** The programs that a test runs, made once for a test file. */
export interface Programs {
  readonly writer: string;
  readonly producer: string;
}

export async function bundlePrograms(): Promise<Programs> {
  const [writer, producer] = await Promise.all(
    ["./writer-process.fixture.ts", "./producer-thread.fixture.ts"].map((name) =>
      // With apache-arrow in it a program starts in a third of the time.
      bundle(new URL(name, import.meta.url), { external: [] }),
    ),
  );
  if (writer === undefined || producer === undefined) throw new Error("esbuild made no programs");
  return { writer, producer };
}

export class WriterProcess extends ListenedProcess {
  readonly #told: Told;

  /**
   * @param told is told of all puts
   * @param wrapper a command, and arguments, that runs the one behind it
   */
  constructor(program: string, options: WriterProcessOptions, told: Told, wrapper: readonly string[] = []) {
    super([...wrapper, process.execPath, program, JSON.stringify(options)]);
    this.#told = told;
  }

  /** Of the process itself, not of what wraps it; known once it has said its first line. */
  override get pid(): number | undefined {
    const opening = this.lines[0];
    return opening?.startsWith("opening ") ? Number(opening.slice("opening ".length)) : undefined;
  }

  protected override onLine(line: string): void {
    this.#told.take(line);
  }
}
