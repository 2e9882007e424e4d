/**
 * The progress bar, on a terminal:
 *
 * ```
 * flights-3m.parquet ██████░░░  62%  3.42M rows/s   118 MB/s  store  31%  lag 4
 * flights-3m.parquet ██████░░░  62%   758k rows/s  35.0 MB/s  WAL lag 98.3k  flush 4.54 MB
 * ```
 *
 * @module
 */
import { basename } from "node:path";
import type { WriteStream } from "node:tty";
import cliProgress from "cli-progress";
import pc from "picocolors";
import { oneLine } from "../one-line.js";
import { short, size } from "../quantities.js";

/** What the bar shows. */
export interface ProgressSource {
  readonly rows: number;
  readonly bytes: number;
  readonly fraction: number | undefined;
  readonly source: { readonly number: number; readonly name: string };
  /** What is shown behind the rates: each always of the same width, so that the bar does not jump. */
  gauges(): readonly string[];
}

const REFRESH_MS = 100;
const MOST_NAME = 20;
const MOST_BAR = 24;
const LEAST_BAR = 6;

/** Draws until it is stopped; leaves the line empty and the terminal as it was. */
export class ProgressBar {
  readonly #source: ProgressSource;
  readonly #stream: WriteStream;
  readonly #sources: number;
  readonly #bar: cliProgress.SingleBar;
  readonly #timer: NodeJS.Timeout;
  readonly #start = performance.now();
  #stopped = false;

  /** @param sources how many sources there are */
  constructor(source: ProgressSource, stream: WriteStream, sources: number) {
    this.#source = source;
    this.#stream = stream;
    this.#sources = sources;
    this.#bar = new cliProgress.SingleBar({
      format: () => this.#line(),
      stream,
      hideCursor: true,
      clearOnComplete: true,
      // Signals are ours to handle: the ingest has to be stopped first.
      gracefulExit: false,
      fps: 1000 / REFRESH_MS,
      forceRedraw: true,
    });
    this.#bar.start(1, 0);
    this.#timer = setInterval(() => this.#bar.update(this.#source.fraction ?? 0), REFRESH_MS);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#bar.stop();
  }

  #line(): string {
    const seconds = (performance.now() - this.#start) / 1000;
    return progressLine(this.#source, this.#sources, seconds, this.#stream.columns ?? 80);
  }
}

/** The line at one moment, no longer than `width` characters. */
export function progressLine(source: ProgressSource, sources: number, seconds: number, width: number): string {
  const { number, name } = source.source;
  const { fraction, rows, bytes } = source;
  const base = [...(name === "" ? "opening" : oneLine(basename(name)))];
  const cutName = base.length > MOST_NAME ? `${base.slice(0, MOST_NAME - 1).join("")}…` : base.join("");
  const title = sources > 1 ? `${Math.min(number, sources)}/${sources} ${cutName}` : cutName;
  const time = Math.max(seconds, 0.001);
  // Of fixed widths, so that the bar does not jump.
  const figures = [
    `${short(rows / time).padStart(5)} rows/s`,
    `${size(bytes / time).padStart(7)}/s`,
    ...source.gauges(),
  ].join("  ");
  const percent = fraction === undefined ? `${short(rows)} rows` : `${Math.floor(100 * fraction)}%`.padStart(4);
  const left = width - 1 - [...title].length - percent.length - figures.length - 4;
  if (left < LEAST_BAR || fraction === undefined) {
    return [...`${title} ${percent}  ${figures}`].slice(0, Math.max(0, width - 1)).join("");
  }
  const bar = Math.min(left, MOST_BAR);
  const done = Math.round(bar * fraction);
  return `${title} ${pc.cyan("█".repeat(done))}${pc.dim("░".repeat(bar - done))} ${percent}  ${figures}`;
}
