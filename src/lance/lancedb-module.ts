/**
 * Loads LanceDB, an optional peer, when it is first needed: everything that does not create or open a table works without it.
 *
 * @module
 */
import type * as lancedb from "@lancedb/lancedb";
import { UsageError } from "../errors.js";

/** The module, as far as its types go. */
export type LanceDb = typeof lancedb;

/** The version that the format we write was held against. */
const VERSION = "0.39.0";

/**
 * @param load in place of `import()`, for tests
 * @throws UsageError when LanceDB is not installed, has no binary for this platform, or cannot do what we need
 */
export async function loadLanceDb(load: () => Promise<unknown> = () => import("@lancedb/lancedb")): Promise<LanceDb> {
  let found: unknown;
  try {
    found = await load();
  } catch (error) {
    const message = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    const missing = /Cannot find (package|module) '@lancedb\/lancedb'/.test(message);
    const what = missing ? "is not installed" : `could not be loaded (${message})`;
    throw new UsageError(
      `a table needs LanceDB, and the package @lancedb/lancedb ${what}: npm install @lancedb/lancedb@${VERSION}`,
      { cause: error },
    );
  }
  if (!isLanceDb(found)) {
    throw new UsageError(
      `the installed package @lancedb/lancedb has no LSM write specs: npm install @lancedb/lancedb@${VERSION}`,
    );
  }
  return found;
}

function isLanceDb(value: unknown): value is LanceDb {
  if (typeof value !== "object" || value === null) return false;
  const { connect, Table }: { connect?: unknown; Table?: unknown } = value;
  return typeof connect === "function" && typeof Table === "function";
}
