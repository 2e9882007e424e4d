/** Where things are, and how to call npm: the one place that knows, for all scripts of this folder. */
// @ts-check
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository, as a URL that ends in a slash. */
export const root = new URL("..", import.meta.url);

/** The repository, as a path without a slash at its end. */
export const rootPath = fileURLToPath(root).replace(/[\\/]$/, "");

/** Everything scripts keep between runs; never packed, never committed, removed with node_modules. */
export const cachePath = join(rootPath, "node_modules", ".cache", "pennon");

/**
 * The command line that starts npm without a shell: npm's own JavaScript under this Node where it can be found (on Windows
 * `npm` is a .cmd file, which cannot be spawned), else the `npm` on the path.
 *
 * @returns {{ command: string, prefix: string[] }}
 */
export function npm() {
  const fromNpm = process.env["npm_execpath"];
  if (fromNpm?.endsWith(".js")) return { command: process.execPath, prefix: [fromNpm] };
  const beside = [
    join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js"),
    join(dirname(process.execPath), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
  ].find((path) => existsSync(path));
  return beside === undefined ? { command: "npm", prefix: [] } : { command: process.execPath, prefix: [beside] };
}
