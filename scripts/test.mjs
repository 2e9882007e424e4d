/**
 * `npm test` and `npm run test:stress`: builds when dist/ is stale, runs vitest, and ends with the line
 * `N passed, N failed`. Further arguments go to vitest: `npm test -- src/store -t reversed`.
 */
// @ts-check
import { build, isFresh } from "./build.mjs";
import { reportTally, runTests } from "./run-tests.mjs";

const args = process.argv.slice(2);
const stress = args.includes("--stress");
const name = stress ? "stress tests" : "tests";
const start = performance.now();

if (!isFresh() && !build()) {
  console.error("test: nothing was run, because the build failed");
  reportTally(name, { passed: 0, failed: 1, skipped: 0 });
  process.exitCode = 1;
} else {
  const rest = args.filter((arg) => arg !== "--stress");
  const { tally, status } = await runTests(stress ? ["--mode", "stress", ...rest] : rest);
  console.log(`${name} took ${((performance.now() - start) / 1000).toFixed(0)} s on Node ${process.version}`);
  reportTally(name, tally);
  process.exitCode = status;
}
