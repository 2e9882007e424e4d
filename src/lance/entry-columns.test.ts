/** An entry of a table whose columns were changed. */
import { Field, Schema, Utf8 } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { logEntry, tableSchema } from "./log.fixture.js";
import { storageSchema } from "./storage-schema.js";
import { readEntry } from "./wal-entry-reader.js";

const schema = storageSchema(new Schema([...tableSchema.fields, new Field("more", new Utf8(), true)]), ["id"]);

function refusal(bytes: Uint8Array): string {
  try {
    readEntry(bytes, { key: "wal/1.arrow", schema });
    return "none";
  } catch (error) {
    return String(error);
  }
}

describe("an entry with other columns than the table", () => {
  it.each([true, false])("says that these were changed, and does not send to repair (LanceDB's: %s)", (foreign) => {
    const text = refusal(logEntry({ from: 0, rows: 2, foreign }));
    expect(text).toMatch(
      /wal\/1\.arrow: bytes 0 to \d+: its columns are not the table's: .*; the table's columns were changed while the log held rows; change them back$/,
    );
    expect(text).not.toContain("repair");
  });

  it("that was altered as well is damaged first of all", () => {
    const bytes = logEntry({ from: 0, rows: 2 });
    const at = Buffer.from(bytes).indexOf("note");
    bytes[at] = 0x4e;
    expect(refusal(bytes)).toMatch(/they do not agree with their checksum; restore .* `pennon repair`$/);
  });
});
