/**
 * A vitest reporter that writes how many tests passed, failed and were skipped, as JSON, to the file PENNON_TALLY_FILE names.
 *
 * A file that cannot be loaded, a suite whose hook throws and an error outside any test have no failed test of their own:
 * each counts as one. A test that was never finished (the run was cut short) counts as failed.
 */
// @ts-check
import { writeFileSync } from "node:fs";

/** vitest loads a reporter by path and wants it as the default export. */
export default class TallyReporter {
  /**
   * @param {readonly import("vitest/node").TestModule[]} modules
   * @param {readonly unknown[]} errors
   */
  onTestRunEnd(modules, errors) {
    const file = process.env["PENNON_TALLY_FILE"];
    if (file === undefined) return;
    const tally = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") tally.passed++;
        else if (state === "skipped") tally.skipped++;
        else failedHere++;
      }
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) failedHere++;
      if (module.errors().length > 0 || (failedHere === 0 && module.state() === "failed")) failedHere++;
      tally.failed += failedHere;
    }
    writeFileSync(file, JSON.stringify(tally));
  }
}
