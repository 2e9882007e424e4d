/**
 * The progress of a command that takes long, on a terminal: what it is at, and how far it is.
 *
 * @module
 */
import type { WriteStream } from "node:tty";
import cliProgress from "cli-progress";
import { short } from "./quantities.js";

const REFRESH_MS = 100;

/** What a command is at. */
export interface StageProgress {
  readonly stage: string;
  /** Rows done so far, of how many, as far as that is known. */
  readonly rows: number;
  readonly totalRows?: number | undefined;
}

export class StageBar {
  /** One on standard error, if that is a terminal. */
  static onTerminal(): StageBar | undefined {
    return process.stderr.isTTY ? new StageBar(process.stderr) : undefined;
  }

  readonly #bar: cliProgress.SingleBar;
  readonly #stream: WriteStream;
  #drawnMs = 0;

  constructor(stream: WriteStream) {
    this.#stream = stream;
    this.#bar = new cliProgress.SingleBar({
      format: "{stage} {bar} {shown} rows",
      stream,
      hideCursor: true,
      clearOnComplete: true,
      // Signals are ours to handle.
      gracefulExit: false,
      barsize: 24,
    });
    this.#bar.start(1, 0, { stage: "opening", shown: "0" });
  }

  show({ stage, rows, totalRows }: StageProgress): void {
    const nowMs = performance.now();
    if (nowMs - this.#drawnMs < REFRESH_MS) return;
    this.#drawnMs = nowMs;
    const fraction = totalRows === undefined || totalRows === 0 ? 0 : Math.min(1, rows / totalRows);
    this.#bar.update(fraction, { stage, shown: short(rows) });
  }

  /** Empties the line, for a finding to be printed; the next progress draws it again. */
  clear(): void {
    this.#stream.write("\r\u001b[K");
  }

  stop(): void {
    this.#bar.stop();
  }
}
