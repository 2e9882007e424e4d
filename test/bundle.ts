/**
 * Bundles a TypeScript entry point for tests that need a real file to run: worker threads and child processes, which
 * know no TypeScript.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

const cache = fileURLToPath(new URL("../node_modules/.cache/pennon/", import.meta.url));

/** Bundles of former contents are removed after this time. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/** How to bundle. */
export interface BundleOptions {
  /** Packages that are imported and not bundled. @default ["apache-arrow", "@lancedb/lancedb"] */
  readonly external?: readonly string[];
  /** Whether to minify. @default false */
  readonly minify?: boolean;
}

/** How sources name the module of a thread: it lies beside them once compiled. */
const THREAD_MODULE = /new URL\("(\.\/[\w-]+\.worker)\.js", import\.meta\.url\)/g;

/**
 * Source code in which the modules of threads are named by bundles of them, as there is nothing compiled beside a source.
 * @param code - of the source
 * @param url - file URL of the source
 */
export async function withThreadModules(code: string, url: URL): Promise<string> {
  let result = code;
  for (const [expression, module] of code.matchAll(THREAD_MODULE)) {
    const path = await bundle(new URL(`${module}.ts`, url));
    result = result.replace(expression, `new URL(${JSON.stringify(pathToFileURL(path).href)})`);
  }
  return result;
}

const threadModules: Plugin = {
  name: "thread-modules",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
      const code = await readFile(path, "utf8");
      return { contents: await withThreadModules(code, pathToFileURL(path)), loader: "ts" };
    });
  },
};

async function removeOld(prefix: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(cache, name);
    const found = await stat(path).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > KEPT_MS) await rm(path, { force: true });
  }
}

/**
 * Bundles `entry` into an ES module under node_modules/.cache/pennon/, from where packages resolve as they do from
 * the sources. The name holds a digest of the contents, so test files that run at once can bundle the same entry.
 * @param entry - path or file URL of the entry point
 * @returns absolute path of the .mjs file
 */
export async function bundle(entry: URL | string, options: BundleOptions = {}): Promise<string> {
  const path = entry instanceof URL || entry.startsWith("file:") ? fileURLToPath(entry) : entry;
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    external: [...(options.external ?? ["apache-arrow", "@lancedb/lancedb"])],
    minify: options.minify ?? false,
    plugins: [threadModules],
    // A bundled CommonJS package may call require.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "silent",
  });
  const [output] = outputFiles;
  if (!output) throw new Error(`esbuild made nothing of ${path}`);
  const prefix = `${basename(path).replace(/\.[cm]?[jt]s$/, "")}-`;
  const digest = createHash("sha256").update(output.contents).digest("hex").slice(0, 16);
  const target = join(cache, `${prefix}${digest}.mjs`);
  await mkdir(cache, { recursive: true });
  // By rename, so that nobody runs half a file.
  const temporary = `${target}.${randomUUID()}`;
  await writeFile(temporary, output.contents);
  await rename(temporary, target);
  await removeOld(prefix);
  return target;
}
