/**
 * Starts the process that writes with LanceDB, and listens to it.
 *
 * @module
 */
import { bundle } from "../bundle.js";
import { ListenedProcess } from "../crash/listened-process.js";
import type { LanceProcessOptions } from "./lancedb-process.fixture.js";

export function bundleLanceProgram(): Promise<string> {
  return bundle(new URL("./lancedb-process.fixture.ts", import.meta.url), {
    external: ["apache-arrow", "@lancedb/lancedb"],
  });
}

export class LanceProcess extends ListenedProcess {
  constructor(program: string, options: LanceProcessOptions) {
    super([process.execPath, program, JSON.stringify(options)]);
  }

  /** Ids that LanceDB has called durable. */
  get acknowledged(): number[] {
    return this.lines.flatMap((line) => {
      const [word, first, count] = line.split(" ");
      return word === "ack" ? Array.from({ length: Number(count) }, (_, i) => Number(first) + i) : [];
    });
  }
}
