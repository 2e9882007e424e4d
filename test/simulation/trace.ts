/**
 * What happened in a simulation, in order: a hash of all of it, and the last lines for whoever looks for the reason of a failure.
 *
 * @module
 */
import { mix } from "../stress/run.js";

export class Trace {
  readonly #lines: string[] = [];
  readonly #mostLines: number;
  #hash = 0;
  #events = 0;

  /** @param mostLines the newest so many are kept */
  constructor(mostLines: number) {
    this.#mostLines = mostLines;
  }

  /** Two runs with the same hash have had the same history. */
  get hash(): number {
    return this.#hash;
  }

  get events(): number {
    return this.#events;
  }

  /** The newest lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines.slice(-this.#mostLines);
  }

  note(line: string): void {
    this.#events++;
    for (let i = 0; i < line.length; i++) this.#hash = (Math.imul(this.#hash, 31) + line.charCodeAt(i)) | 0;
    this.#hash = mix(this.#hash, this.#events);
    if (this.#mostLines === 0) return;
    this.#lines.push(line);
    if (this.#lines.length >= 2 * this.#mostLines) this.#lines.splice(0, this.#mostLines);
  }
}
