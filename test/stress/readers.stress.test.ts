import { setTimeout as sleep } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import { expect, it } from "vitest";
import { Board } from "./board.js";
import type { ReaderInput, ReaderResult } from "./reader.fixture.js";
import { seed, seeded, short } from "./run.js";
import { withThreads } from "./threads.js";
import type { WriterInput, WriterResult } from "./writer.fixture.js";

const BATCHES = short ? 24_000 : 400_000;
const READERS = 4;
const MOST_ROWS = 24;

it(`one writer, ${READERS} readers, ${BATCHES} batches: no reader sees a wrong byte, part of a group or recycled memory`, async () => {
  await seeded(() =>
    withThreads(async (threads) => {
      const board = new Board();
      const channels = Array.from({ length: READERS + 1 }, () => new MessageChannel());
      const words = { board: board.buffer, seed, mostRows: MOST_ROWS };
      const readers = await Promise.all(
        channels.map(({ port1 }, reader) =>
          threads.start<ReaderResult>("reader.fixture.ts", { ...words, reader, handles: port1 } satisfies ReaderInput, [
            port1,
          ]),
        ),
      );
      const handles = channels.map(({ port2 }) => port2);
      const input: WriterInput = { ...words, batches: BATCHES, readers: READERS + 1, handles };
      const writer = await threads.start<WriterResult>("writer.fixture.ts", input, handles);

      // The last reader is terminated in the middle of whatever it does.
      const victim = readers.pop();
      const terminated = (async () => {
        while (board.batches < BATCHES / 2) await sleep(5);
        await victim?.worker.terminate();
        board.gone(READERS);
      })();
      const [written, ...read] = await Promise.all([writer.result, ...readers.map(({ result }) => result)]);
      await terminated;

      console.log(JSON.stringify({ seed, written, read }));
      expect(written.batches).toBeGreaterThanOrEqual(BATCHES);
      expect(written.recycled).toBeGreaterThan(0);
      expect(written.conflicts).toBeGreaterThan(0);
      expect(written.refused).toBeGreaterThan(0);
      expect(written.dropped).toBeLessThanOrEqual(1);
      // No two readers read in the same way in one round, so at least two of them read all of it.
      for (const { verified } of read) expect(verified).toBeGreaterThan(0);
      expect(read.reduce((sum, { whole }) => sum + whole, 0)).toBeGreaterThan(BATCHES);
    }),
  );
});
