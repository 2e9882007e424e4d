import { expect, it } from "vitest";
import { FullError } from "../errors.js";
import { logSchema, storeWith } from "../lance/log.fixture.js";
import { Replay } from "./replay.js";

it("of rows that need too much memory names the option as its user has set it", async () => {
  const entries = Array.from({ length: 8 }, (_, i) => ({ from: 1000 * i, rows: 1000 }));
  const bounds = { memtableBytes: 65_536, memtableBatches: 100, maxMemoryBytes: 2 * 50_000 };
  const replay = new Replay(await storeWith(entries), { schema: logSchema, from: 1, ...bounds });
  const error = await replay.continueTo(9).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FullError);
  expect(String(error)).toMatch(
    /the rows of the log need more than twice maxMemoryBytes, which is 50000 bytes; open with a larger maxMemoryBytes$/,
  );
});
