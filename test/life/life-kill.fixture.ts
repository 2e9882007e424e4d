/**
 * A process that lives the script on the table at the path given, in one thread, and kills itself before its maintenance does what `stop`
 * is the number of. It prints the number of each step of the script once it is done, and each thing its maintenance is about to do.
 *
 * @module
 */
import { writeSync } from "node:fs";
import { InThreadTable } from "./in-thread.js";
import { SCRIPT } from "./life-script.js";

const [, , path = "", stop] = process.argv;
let begun = 0;
const table = await InThreadTable.open(path, {
  onStep: (step) => {
    writeSync(1, `step ${step}\n`);
    if (begun++ === Number(stop)) process.kill(process.pid, "SIGKILL");
  },
});
for (const [i, step] of SCRIPT.entries()) {
  await table.live(step);
  writeSync(1, `done ${i + 1}\n`);
}
await table.close();
