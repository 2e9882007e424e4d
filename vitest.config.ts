import { pathToFileURL } from "node:url";
import { defineConfig } from "vitest/config";
import { withThreadModules } from "./test/bundle.js";

const tests = ["src/**/*.test.ts", "test/**/*.test.ts", "bench/**/*.test.ts"];
const stressTests = ["src/**/*.stress.test.ts", "test/**/*.stress.test.ts"];

/** Threads are started from real files: see `withThreadModules`. */
const threadModules = {
  name: "thread-modules",
  enforce: "pre" as const,
  async transform(code: string, id: string): Promise<string | undefined> {
    const [path = id] = id.split("?");
    if (!/[\\/]src[\\/].*\.ts$/.test(path) || !code.includes(".worker.js")) return undefined;
    return withThreadModules(code, pathToFileURL(path));
  },
};

// `--mode stress` runs the stress tests and nothing else; PENNON_STRESS=short|long tells them how much to do.
export default defineConfig(({ mode }) => {
  const stress = mode === "stress";
  const short = process.env["PENNON_STRESS"] === "short";
  const minutes = short ? 3 : 30;
  // Of these the ordinary tests are the short form.
  const longOnly = short ? ["test/life/**", "test/stress/crash-*"] : [];
  return {
    plugins: [threadModules],
    test: {
      include: stress ? stressTests : tests,
      exclude: stress ? ["**/node_modules/**", ...longOnly] : ["**/node_modules/**", ...stressTests],
      // Tests start real worker threads on shared memory and measure their own process: each file gets a process.
      pool: "forks",
      maxWorkers: stress ? 1 : 2,
      testTimeout: stress ? minutes * 60_000 : 30_000,
      hookTimeout: 30_000,
      teardownTimeout: 10_000,
      reporters: ["default", "./scripts/vitest-tally.mjs"],
      passWithNoTests: false,
    },
  };
});
