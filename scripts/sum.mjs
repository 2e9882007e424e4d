/** `node scripts/sum.mjs FILE`: adds up the test runs that PENNON_SUM_FILE collected, one JSON object a line. */
// @ts-check
import { existsSync, readFileSync } from "node:fs";

const file = process.argv[2];
if (file === undefined) throw new Error("expected the path of the file that PENNON_SUM_FILE named");
const lines = existsSync(file)
  ? readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .filter((line) => line !== "")
  : [];
const sum = { passed: 0, failed: 0 };
for (const line of lines) {
  /** @type {import("./run-tests.mjs").Tally} */
  const { passed, failed } = JSON.parse(line);
  sum.passed += passed;
  sum.failed += failed;
}
console.log(`${sum.passed} passed, ${sum.failed} failed`);
