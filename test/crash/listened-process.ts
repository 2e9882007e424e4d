/**
 * A child process that says line by line what it does.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A process that has not done what it should within this time hangs. */
const PATIENCE_MS = 60_000;

/** How a process has ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ListenedProcess {
  readonly lines: string[] = [];
  /** Resolves once the process has ended and all it said was heard. */
  readonly end: Promise<End>;
  readonly #child: ChildProcess;
  readonly #onLine: (() => void)[] = [];
  #stderr = "";
  #ended: End | undefined;

  /** @param command program and arguments */
  constructor([program = "", ...rest]: readonly string[]) {
    this.#child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"] });
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new Error("the process has no pipes");
    stderr.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    createInterface({ input: stdout }).on("line", (line) => {
      this.lines.push(line);
      this.onLine(line);
      for (const listener of [...this.#onLine]) listener();
    });
    this.end = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        this.#ended = { code, signal };
        for (const listener of [...this.#onLine]) listener();
        resolve(this.#ended);
      });
    });
  }

  /** What it wrote to its standard error. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Of the process that is meant: behind a wrapper it is not the one that was started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends a signal to the process itself, not to what wraps it. */
  signal(signal: NodeJS.Signals): void {
    if (this.pid === undefined || this.#ended !== undefined) return;
    try {
      process.kill(this.pid, signal);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }

  /** The first line that begins with one of these words. Undefined when the process ends without. */
  async line(...words: readonly string[]): Promise<string | undefined> {
    const [line] = await this.linesOf(1, words);
    return line;
  }

  /** The first `count` lines that begin with one of these words; less when the process ends before. */
  async linesOf(count: number, words: readonly string[]): Promise<string[]> {
    const found = () => this.lines.filter((line) => words.includes(line.split(" ", 1)[0] ?? "")).slice(0, count);
    await this.#until(() => found().length >= count || this.#ended !== undefined, `${count} lines ${words}`);
    return found();
  }

  /** Waits for the end. @throws Error when it does not come */
  async ended(): Promise<End> {
    await this.#until(() => this.#ended !== undefined, "its end");
    return this.end;
  }

  /** The process must not be left behind. */
  async destroy(): Promise<void> {
    if (this.#ended !== undefined) return;
    this.signal("SIGKILL");
    this.#child.kill("SIGKILL");
    await this.end;
  }

  /** Called with each line as it comes. */
  protected onLine(_line: string): void {}

  #until(reached: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const forget = (): void => {
        clearTimeout(timer);
        const index = this.#onLine.indexOf(listener);
        if (index >= 0) this.#onLine.splice(index, 1);
      };
      const listener = (): void => {
        if (!reached()) return;
        forget();
        resolve();
      };
      const timer = setTimeout(() => {
        forget();
        reject(new Error(`waited ${PATIENCE_MS} ms for ${what}; last lines: ${this.lines.slice(-3)}\n${this.#stderr}`));
      }, PATIENCE_MS);
      this.#onLine.push(listener);
      listener();
    });
  }
}
