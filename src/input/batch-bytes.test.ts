import { describe, expect, it } from "vitest";
import { BatchBytes, MAX_BATCH_BYTES } from "./batch-bytes.js";

describe("the bytes of a batch of text", () => {
  it("are full at the last row, with the row that exceeds the bound, and with rows that are wide but empty", () => {
    const rows = new BatchBytes(2, 1);
    expect([rows.add(1), rows.add(1), rows.count, rows.take(), rows.count]).toEqual([false, true, 2, 2, 0]);
    const long = new BatchBytes(1000, 1);
    expect([long.add(MAX_BATCH_BYTES - 16), long.add(0)]).toEqual([false, true]);
    expect([long.take(), long.add(MAX_BATCH_BYTES - 16)]).toEqual([2, false]);
    const wide = new BatchBytes(1_000_000, 10_000);
    while (!wide.add(0));
    expect(wide.count).toBe(Math.ceil(MAX_BATCH_BYTES / 80_000));
  });
});
