import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Openable, OpenWriters } from "./open-writers.js";

interface Thing {
  readonly number: number;
  usable: boolean;
}

function things() {
  const events: string[] = [];
  let count = 0;
  const how: Openable<Thing> = {
    open: async () => {
      const number = ++count;
      events.push(`opening ${number}`);
      await sleep(2);
      events.push(`open ${number}`);
      return { number, usable: true };
    },
    close: async ({ number }) => {
      events.push(`closing ${number}`);
      await sleep(2);
      events.push(`closed ${number}`);
    },
    isUsable: ({ usable }) => usable,
  };
  return { how, events, writers: new OpenWriters<Thing>() };
}

describe("OpenWriters", () => {
  it("opens once for all who ask, and closes with the last", async () => {
    const { how, events, writers } = things();
    const leases = await Promise.all([1, 2, 3].map(() => writers.acquire("a", how)));
    expect(new Set(leases.map(({ opened }) => opened)).size).toBe(1);
    expect(writers.has("a")).toBe(true);
    await Promise.all([leases[0]?.release(), leases[0]?.release(), leases[1]?.release()]);
    expect(events).toEqual(["opening 1", "open 1"]);
    await leases[2]?.release();
    expect(events).toEqual(["opening 1", "open 1", "closing 1", "closed 1"]);
    expect(writers.has("a")).toBe(false);
  });

  it("keeps names apart", async () => {
    const { how, writers } = things();
    const [a, b] = await Promise.all([writers.acquire("a", how), writers.acquire("b", how)]);
    expect(a.opened).not.toBe(b.opened);
  });

  it("opens anew only when the close is done", async () => {
    const { how, events, writers } = things();
    const first = await writers.acquire("a", how);
    const closing = first.release();
    const second = await writers.acquire("a", how);
    await closing;
    expect(second.opened.number).toBe(2);
    expect(events).toEqual(["opening 1", "open 1", "closing 1", "closed 1", "opening 2", "open 2"]);
  });

  it("tells a failure to all who wait, and tries again for the next", async () => {
    const { how, writers } = things();
    const failing = { ...how, open: () => sleep(1).then(() => Promise.reject(new Error("no"))) };
    const results = await Promise.allSettled([writers.acquire("a", failing), writers.acquire("a", failing)]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(writers.has("a")).toBe(false);
    expect((await writers.acquire("a", how)).opened.number).toBe(1);
  });

  it("puts a fresh one in the place of one that is of no use", async () => {
    const { how, events, writers } = things();
    const first = await writers.acquire("a", how);
    first.opened.usable = false;
    const [second, third] = await Promise.all([writers.acquire("a", how), writers.acquire("a", how)]);
    expect([second.opened.number, third.opened.number]).toEqual([2, 2]);
    await first.release(); // does not close the second
    expect(events).toEqual(["opening 1", "open 1", "closing 1", "closed 1", "opening 2", "open 2"]);
    await Promise.all([second.release(), third.release()]);
    expect(events.slice(-2)).toEqual(["closing 2", "closed 2"]);
  });

  it("tells a failing close to whom it closes for", async () => {
    const { how, writers } = things();
    const failing = { ...how, close: async () => Promise.reject(new Error("full")) };
    const lease = await writers.acquire("a", failing);
    await expect(lease.release()).rejects.toThrow("full");
    expect((await writers.acquire("a", how)).opened.number).toBe(2);
  });
});
