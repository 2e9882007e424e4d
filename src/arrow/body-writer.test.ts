import { Bool, Field, makeData, Schema } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { batchOf } from "../../test/arrow-arbitrary.js";
import { BatchStore } from "../store/batch-store.js";

const HEADER_BYTES = 192;
const SLOT_BYTES = 32;

describe("BodyWriter", () => {
  it("moves bits that start within a byte also where the arena has not one byte to spare", () => {
    const schema = new Schema([new Field("flag", new Bool(), false)]);
    const flags = (rows: number, offset: number) => {
      const data = new Uint8Array(Math.ceil((offset + rows) / 8)).map((_, i) => (i * 37 + 11) & 0xff);
      return makeData({ type: new Bool(), offset, length: rows, nullCount: 0, data });
    };
    for (const shift of [1, 5, 7]) {
      const store = BatchStore.create({ schema, bytes: 65_536, prefault: false });
      store.append(batchOf(schema, 0, [flags(0, 0)]));
      // Whole blocks of 64 bytes: all that is left, to the byte.
      const rows = 8 * (store.remainingBytes - SLOT_BYTES - HEADER_BYTES);
      expect(rows % 512).toBe(0);
      const source = flags(rows, shift);
      store.append(batchOf(schema, rows, [source]));
      expect(store.remainingBytes).toBe(0);
      const values = store.column("flag").values(1) ?? new Uint8Array(0);
      const bit = (bytes: ArrayLike<number | bigint>, i: number): number => (Number(bytes[i >> 3]) >> (i & 7)) & 1;
      let wrong = 0;
      for (let row = 0; row < rows; row++) wrong += bit(values, row) === bit(source.values, shift + row) ? 0 : 1;
      expect(wrong).toBe(0);
    }
  });
});
