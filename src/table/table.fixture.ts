/**
 * A process that opens the table at the path given and puts numbered rows one after the other, printing each number once it is
 * acknowledged, until a put fails: then the error's code. `takeover` as second argument takes the table over.
 */
import { PennonError } from "../errors.js";
import { int64 } from "./column-types.js";
import { openTable } from "./open-table.js";
import { schema } from "./schema.js";

const [, , path = "", mode] = process.argv;
try {
  const table = await openTable(path, {
    schema: schema({ id: int64(), writer: int64() }),
    primaryKey: "id",
    takeover: mode === "takeover",
    memtableBytes: 2 ** 20,
  });
  if (mode === "once") {
    await table.put({ id: 0n, writer: process.pid });
    await table.close();
    console.log("closed");
  } else {
    for (let id = 0; ; id++) {
      await table.put({ id: id + 1_000 * table.stats().epoch, writer: process.pid });
      console.log(id + 1_000 * table.stats().epoch);
    }
  }
} catch (error) {
  console.log(error instanceof PennonError ? `${error.code}: ${error.message}` : String(error));
  process.exitCode = 1;
}
