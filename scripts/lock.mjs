/**
 * Writes package-lock.json: `npm run lock`, after any change of dependencies.
 *
 * npm leaves a platform package (`@biomejs/cli-darwin-arm64` …) out of the lock file when the registry it asks does not
 * carry it, and `npm ci` then refuses the lock file everywhere. So the missing ones are added here by name and exact
 * version, with the platform their name states; npm fetches such an entry only on that platform. Checked at the end: no
 * registry's address in the file, and `npm ci` accepts it.
 */
// @ts-check
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { npm, root } from "./paths.mjs";

/** @typedef {{ version?: string, dev?: boolean, optional?: boolean, optionalDependencies?: Record<string, string> }} Entry */

const file = new URL("package-lock.json", root);
const systems = ["android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32", "aix"];
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

/** @param {string} name @returns {{ cpu: string[], os?: string[], libc?: string[] }} */
function platformOf(name) {
  const words = name.slice(name.lastIndexOf("/") + 1).split("-");
  if (words.includes("wasm32")) return { cpu: ["wasm32"] };
  const os = systems.find((system) => words.includes(system));
  const word = words.includes("universal")
    ? "universal"
    : words.map((w) => (w === "armv7" ? "arm" : w)).find((w) => processors.includes(w));
  if (os === undefined || word === undefined) {
    throw new Error(
      `cannot tell the platform of ${name} from its name; expected one of ${systems} and one of ${processors}`,
    );
  }
  const libc = words.includes("musl") || words.includes("musleabihf") ? "musl" : "glibc";
  const cpu = word === "universal" ? ["arm64", "x64"] : [word];
  return os === "linux" && /-(gnu|musl|gnueabihf|musleabihf)$/.test(name)
    ? { cpu, os: [os], libc: [libc] }
    : { cpu, os: [os] };
}

/** @param {string[]} args */
function runNpm(args) {
  const { command, prefix } = npm();
  const run = spawnSync(command, [...prefix, ...args], { cwd: root, stdio: "inherit" });
  if (run.status !== 0) throw new Error(`npm ${args.join(" ")} ended with ${run.status ?? run.signal}`);
}

runNpm(["install", "--package-lock-only", "--ignore-scripts"]);
/** @type {{ packages: Record<string, Entry> }} */
const lock = JSON.parse(readFileSync(file, "utf8"));
let added = 0;
for (const entry of Object.values({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    if (lock.packages[path]?.version !== undefined) continue;
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
      throw new Error(`${name}@${version} is missing from the lock file and its version is a range: add it by hand`);
    }
    lock.packages[path] = { version, ...platformOf(name), ...(entry.dev ? { dev: true } : {}), optional: true };
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
const text = `${JSON.stringify(lock, null, 2)}\n`;
if (/"resolved"/.test(text))
  throw new Error("the lock file names a registry: .npmrc must say omit-lockfile-registry-resolved=true");
writeFileSync(file, text);
runNpm(["ci", "--dry-run", "--ignore-scripts", "--silent"]);
console.log(`package-lock.json: ${Object.keys(lock.packages).length} packages, ${added} of other platforms added`);
