import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Arena } from "./arena.js";
import { Prefault, type TouchRequest } from "./prefault.js";

const MIB = 1 << 20;
const arena = Arena.allocate(64 * MIB);

/** A prefault whose requests are recorded, and a clock that stands still unless it is told to `pass`. */
function recorded(touchedEnd = 0): { prefault: Prefault; asked: TouchRequest[]; pass: () => void } {
  const asked: TouchRequest[] = [];
  let timeMs = 0;
  const prefault = new Prefault(
    arena,
    touchedEnd,
    (request) => asked.push(request),
    () => timeMs,
  );
  const pass = (): void => {
    timeMs += 1_000;
  };
  return { prefault, asked, pass };
}

describe("Prefault", () => {
  it("leaves small stores alone", () => {
    const { prefault, asked, pass } = recorded();
    pass();
    for (let tail = 0; tail < MIB / 4; tail += 1_024) prefault.advance(tail);
    expect(asked).toEqual([]);
  });

  it("asks for 4 MiB ahead, and for more when half of it is used up, each page once", () => {
    const { prefault, asked, pass } = recorded();
    pass();
    prefault.advance(MIB);
    prefault.advance(2 * MIB);
    expect(asked.map(({ from, to }) => [from, to])).toEqual([[MIB, 5 * MIB]]);
    pass();
    prefault.advance(3 * MIB + 1);
    expect(asked.map(({ from, to }) => [from, to])).toEqual([
      [MIB, 5 * MIB],
      [5 * MIB, 7 * MIB + 1],
    ]);
    expect(asked[0]?.buffer).toBe(arena.buffer);
  });

  it("does not compete with a writer that waits for memory itself", () => {
    const { prefault, asked } = recorded();
    for (let tail = 0; tail < 64 * MIB; tail += 16_384) prefault.advance(tail);
    expect(asked).toEqual([]);
  });

  it("asks for nothing that is touched already, nor past the end, also after recycling", () => {
    const { prefault, asked, pass } = recorded(32 * MIB);
    pass();
    prefault.advance(MIB);
    pass();
    prefault.advance(0);
    prefault.advance(MIB);
    expect(asked).toEqual([]);
    pass();
    prefault.advance(63 * MIB);
    expect(asked.map(({ from, to }) => [from, to])).toEqual([[63 * MIB, 64 * MIB]]);
  });

  it("has a thread that commits the pages and changes nothing", async () => {
    const other = Arena.allocate(256 * MIB);
    other.u8[40 * MIB] = 7;
    const prefault = new Prefault(other, 0);
    await sleep(300);
    const before = process.memoryUsage.rss();
    prefault.advance(32 * MIB);
    const wanted = before + 24 * MIB; // of 32: other memory of this process may be given back meanwhile
    for (let tries = 0; tries < 100 && process.memoryUsage.rss() < wanted; tries++) await sleep(100);
    expect(process.memoryUsage.rss()).toBeGreaterThan(wanted);
    expect(other.u8[40 * MIB]).toBe(7);
    expect(other.u8.subarray(41 * MIB, 42 * MIB).every((byte) => byte === 0)).toBe(true);
  });
});
