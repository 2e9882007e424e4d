/** A process that lives the script on the table at the path given, and prints the number of each step once it is done. */
import { writeSync } from "node:fs";
import { live, openLife, SCRIPT } from "./life-script.js";

const table = await openLife(process.argv[2] ?? "");
for (const [i, step] of SCRIPT.entries()) {
  await live(table, step);
  writeSync(1, `${i + 1}\n`);
}
await table.close();
