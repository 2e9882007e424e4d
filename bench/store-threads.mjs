/**
 * Several threads: what readers cost the writer, and how soon they see a batch.
 */
// @ts-check
import { inTurn, keep, median, timed, US_PER_MS } from "./measure.mjs";
import { BatchStore } from "./pennon.mjs";
import { atMostTimesPeer, result } from "./result.mjs";
import { pairBatch, pairSchema } from "./sources.mjs";
import { BenchThread } from "./thread.mjs";

/** Appends timed at once: less than the system's slice of time, so that a median leaves out those in which the thread was not running. */
const PORTION = 1_000;

/** @type {import("./store.mjs").Case} */
const companyCase = {
  name: "writer with a reader at full speed",
  async measure(plan) {
    const count = plan.smoke ? 5_000 : 40_000;
    const store = BatchStore.create({ schema: pairSchema, bytes: 2 ** 26, prefault: false });
    const batch = pairBatch(100);
    const flags = new Int32Array(new SharedArrayBuffer(8));
    const company = await BenchThread.start("company");
    /** @param {"reader" | "busy" | "none"} mode */
    const writeBeside = async (mode) => {
      store.recycle();
      flags.fill(0);
      const over = company.ask({ mode, handle: store.handle(), flags });
      if (mode !== "none" && Atomics.wait(flags, 0, 0, 10_000) === "timed-out")
        throw new Error("the thread did not begin");
      const portions = [];
      for (let done = 0; done < count; done += PORTION) {
        const figure = timed(PORTION, () => {
          for (let i = 0; i < PORTION; i++) keep(store.append(batch).bytes);
        });
        portions.push(figure);
      }
      Atomics.store(flags, 1, 1);
      keep((await over).found);
      return median(portions);
    };
    try {
      const found = await inTurn(plan, {
        reader: () => writeBeside("reader"),
        busy: () => writeBeside("busy"),
        none: () => writeBeside("none"),
      });
      return [
        result(`${companyCase.name}, append 100 rows (int32, int32)`, "µs", found.reader * US_PER_MS, {
          peer: "the same beside a busy thread that has nothing to do with the store",
          peerMedian: found.busy * US_PER_MS,
          target: atMostTimesPeer(1.1),
        }),
        result(`${companyCase.name}, against no other thread`, "µs", found.reader * US_PER_MS, {
          peer: "the same with no other thread at work",
          peerMedian: found.none * US_PER_MS,
        }),
      ];
    } finally {
      await company.end();
      store.close();
    }
  },
};

/** @type {import("./store.mjs").Case} */
const attachCase = {
  name: "attach in a worker, to the first length",
  async measure(plan) {
    const store = BatchStore.create({ schema: pairSchema, bytes: 2 ** 26, prefault: false });
    store.append(pairBatch(100));
    const thread = await BenchThread.start("attach");
    try {
      const found = await inTurn(plan, {
        attach: async () => {
          const { elapsedMs, length } = await thread.ask({ handle: store.handle() });
          if (length !== 1) throw new Error(`the worker sees ${length} batches, expected 1`);
          return elapsedMs;
        },
      });
      return [result(attachCase.name, "µs", found.attach * US_PER_MS)];
    } finally {
      await thread.end();
      store.close();
    }
  },
};

/** @type {import("./store.mjs").Case} */
const roundTripCase = {
  name: "round trip between two threads that wait for each other's batches",
  async measure(plan) {
    const rounds = plan.smoke ? 50 : 500;
    const thread = await BenchThread.start("echo");
    const batch = pairBatch(1);
    try {
      const found = await inTurn(plan, {
        roundTrip: async () => {
          const create = () => BatchStore.create({ schema: pairSchema, bytes: 2 ** 22, prefault: false });
          const [ping, pong] = [create(), create()];
          const handle = pong.handle();
          const back = BatchStore.attach(handle);
          pong.close(); // gives the claim up: the thread is to be its writer
          await thread.ask({ ping: ping.handle(), pong: handle, rounds });
          const figure = timed(rounds, () => {
            for (let i = 1; i <= rounds; i++) {
              ping.append(batch);
              if (back.waitForLengthSync(i, { timeout: 10_000 }) < i) throw new Error(`no answer ${i} within 10 s`);
            }
          });
          await thread.ask({ ping: ping.handle(), pong: handle, rounds: 0 });
          back.close();
          ping.close();
          return figure;
        },
      });
      return [result(roundTripCase.name, "µs", found.roundTrip * US_PER_MS)];
    } finally {
      await thread.end();
    }
  },
};

/** @type {readonly import("./store.mjs").Case[]} */
export const threadCases = [companyCase, attachCase, roundTripCase];
