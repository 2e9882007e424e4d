/**
 * Processes that are killed right before a step of their maintenance, and what they leave.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { cpSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "../bundle.js";
import { openLife } from "./life-script.js";
import { checkTable } from "./life-states.js";

export class LifeKiller {
  readonly #folder: string;
  readonly #program: string;
  #runs = 0;

  private constructor(folder: string, program: string) {
    this.#folder = folder;
    this.#program = program;
  }

  /** @param folder for its files */
  static async make(folder: string): Promise<LifeKiller> {
    await (await openLife(join(folder, "new", "life"))).close();
    return new LifeKiller(folder, await bundle(new URL("./life-kill.fixture.ts", import.meta.url)));
  }

  /** What maintenance does when nobody ends it, without names that differ from run to run. */
  async steps(): Promise<string[]> {
    const { lines } = await this.#run(undefined);
    const steps = lines.filter((line) => line.startsWith("step "));
    return steps.map((line) =>
      line
        .slice(5)
        .replace(/^remove [0-9a-f]{8}_gen_\d+\/.*/, "remove an SSTable's file")
        .replace(/[01]{64}|[0-9a-f]{8}(?=_gen)|\d+/g, "…"),
    );
  }

  /** Kills a process at a step. @throws Error when something is lost, doubled, left behind or broken */
  async kill(stop: number): Promise<void> {
    const { lines, database, signal } = await this.#run(stop);
    if (signal !== "SIGKILL") throw new Error(`the process has ended by itself, having done ${lines.length} things`);
    const done = lines.filter((line) => line.startsWith("done ")).length;
    try {
      await checkTable(database, done);
    } catch (cause) {
      throw new Error(
        `killed before ${lines.at(-1)}, number ${stop}: ${cause instanceof Error ? cause.message : cause}`,
        {
          cause,
        },
      );
    } finally {
      await rm(database, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  async #run(stop: number | undefined) {
    const database = join(this.#folder, `run-${this.#runs++}`);
    cpSync(join(this.#folder, "new"), database, { recursive: true });
    const args = [this.#program, join(database, "life"), ...(stop === undefined ? [] : [String(stop)])];
    return new Promise<{
      readonly lines: string[];
      readonly database: string;
      readonly signal: NodeJS.Signals | undefined;
    }>((resolve, reject) => {
      execFile(process.execPath, args, (error, stdout) => {
        const lines = stdout.trim().split("\n");
        if (error === null || error.signal === "SIGKILL") resolve({ lines, database, signal: error?.signal });
        else reject(error);
      });
    });
  }
}
