/**
 * A process that puts and deletes on the table at the path given, without end, while much maintenance happens by itself. It prints the number of
 * each operation once it is acknowledged. Arguments: path, seed, number of the first operation.
 *
 * @module
 */
import { writeSync } from "node:fs";
import { openLife } from "./life-script.js";
import { OFTEN, operationOf } from "./random-kill.js";

const [, , path = "", seed, first] = process.argv;
const table = await openLife(path, { maintenance: OFTEN, memtableAgeMs: 40, memtableRows: 64 });
for (let i = Number(first); ; i++) {
  const { put, deleted } = operationOf(Number(seed), i);
  if (deleted.length > 0) await table.delete(deleted.map(BigInt));
  else await table.put(put.map(([id, text]) => ({ id: BigInt(id), text })));
  writeSync(1, `${i}\n`);
}
