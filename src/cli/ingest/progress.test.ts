import { PassThrough } from "node:stream";
import { WriteStream } from "node:tty";
import { stripVTControlCharacters as plain } from "node:util";
import { describe, expect, it } from "vitest";
import { ProgressBar, progressLine } from "./progress.js";

const source = {
  rows: 1_860_000,
  bytes: 64_000_000,
  fraction: 0.62 as number | undefined,
  gauges: () => ["store  31%", "lag 4  "],
  source: { number: 1, name: "/data/flights-3m.parquet" },
};

describe("progressLine", () => {
  it("shows name, bar, share, rates, fill and lag within the terminal's width", () => {
    const line = plain(progressLine(source, 1, 2, 80));
    expect(line).toMatch(/^flights-3m\.parquet █+░+ +62% +930k rows\/s {2}32\.0 MB\/s {2}store {2}31% {2}lag 4 *$/);
    for (let width = 1; width <= 200; width++) {
      expect([...plain(progressLine(source, 1, 2, width))].length).toBeLessThan(width);
    }
  });

  it("counts rows where the length of the source is not known", () => {
    const line = plain(progressLine({ ...source, fraction: undefined }, 1, 2, 80));
    expect(line).toBe("flights-3m.parquet 1.86M rows   930k rows/s  32.0 MB/s  store  31%  lag 4  ");
  });

  it("numbers several sources and cuts long names", () => {
    const name = `${"x".repeat(50)}\n`;
    expect(plain(progressLine({ ...source, source: { number: 2, name } }, 3, 2, 100))).toMatch(/^2\/3 x{19}… /);
  });
});

/** Where the bar thinks there is a terminal. */
function fakeTerminal(): { stream: WriteStream; text: () => string } {
  let text = "";
  const sink = new PassThrough({ encoding: "utf8" }).on("data", (part: string) => {
    text += part;
  });
  const stream: WriteStream = Object.assign(Object.create(WriteStream.prototype), {
    isTTY: true,
    columns: 80,
    write: (part: string) => sink.write(part),
    on: () => stream,
    once: () => stream,
    emit: () => true,
  });
  return { stream, text: () => text };
}

describe("ProgressBar", () => {
  it("draws, and leaves the cursor shown, wrapping on and the line empty", async () => {
    const { stream, text } = fakeTerminal();
    const bar = new ProgressBar(source, stream, 1);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(text()).toContain("rows/s");
    bar.stop();
    bar.stop();
    const drawn = text();
    expect(drawn.lastIndexOf("\u001b[?25h")).toBeGreaterThan(drawn.lastIndexOf("\u001b[?25l"));
    expect(drawn.lastIndexOf("\u001b[?7h")).toBeGreaterThan(drawn.lastIndexOf("\u001b[?7l"));
    expect(drawn.lastIndexOf("\u001b[0K")).toBeGreaterThan(drawn.lastIndexOf("rows/s"));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(text()).toBe(drawn);
  });
});
