/**
 * `npm run package:check`: what a user would get. Packs dist/, looks at what is inside, unpacks it as a dependency of small
 * projects and compiles those as their users would, and keeps `pennon/store` small.
 */
// @ts-check
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { npm, rootPath } from "./paths.mjs";

/** Most bytes of `pennon/store`, minified, with apache-arrow left out: the kernels' binary is in it. */
const storeLimitBytes = 112 * 1024;
/** Most bytes of the whole package, unpacked. */
const packageLimitBytes = 4 * 1024 * 1024;

const require = createRequire(import.meta.url);
/** @type {string[]} */
const problems = [];
/**
 * @type {{
 *   exports: Record<string, string | { types?: string, default?: string }>,
 *   bin: Record<string, string>,
 *   dependencies: Record<string, string>,
 * }}
 */
const manifest = JSON.parse(readFileSync(join(rootPath, "package.json"), "utf8"));

/** The entries that have types: `pennon`, `pennon/store` … */
const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === "object" && target.types !== undefined)
  .map(([path]) => `pennon${path.slice(1)}`);

async function checkManifest() {
  const { messages } = await publint({ pkgDir: rootPath, strict: true });
  for (const message of messages)
    problems.push(`publint: ${formatMessage(message, manifest, { color: false }) ?? message.code}`);
}

/** @param {string} folder where the tarball goes @returns {string} its path */
function pack(folder) {
  const { command, prefix } = npm();
  const args = ["pack", "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", folder];
  const out = execFileSync(command, [...prefix, ...args], { cwd: rootPath, encoding: "utf8" });
  /** @type {{ filename: string, unpackedSize: number, files: { path: string, mode: number }[] }[]} */
  const [packed] = JSON.parse(out);
  if (packed === undefined) throw new Error(`npm pack named no package: ${out}`);
  const paths = new Set(packed.files.map((file) => file.path));
  const targets = Object.values(manifest.exports).flatMap((target) =>
    typeof target === "string" ? [target] : Object.values(target),
  );
  const wanted = [
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    ...Object.values(manifest.bin),
    ...targets.map((path) => path.slice(2)),
  ];
  for (const path of wanted) if (!paths.has(path)) problems.push(`package: ${path} is missing`);
  for (const path of paths) {
    const code = /^dist\/.+\.(js|d\.ts)$/.test(path) && !/\.(test|bench|contract|fixture)\./.test(path);
    const document = /^docs\/[\w-]+\.md$/.test(path);
    if (!code && !document && !["package.json", "LICENSE", "README.md", "CHANGELOG.md"].includes(path)) {
      problems.push(`package: ${path} does not belong there: see "files" of package.json and tsconfig.build.json`);
    }
  }
  for (const file of packed.files) {
    const command = Object.values(manifest.bin).includes(file.path);
    if (command && process.platform !== "win32" && (file.mode & 0o111) === 0)
      problems.push(`package: ${file.path} is not executable`);
  }
  if (packed.unpackedSize > packageLimitBytes) {
    problems.push(`package: ${packed.unpackedSize} bytes unpacked, at most ${packageLimitBytes} expected`);
  }
  console.log(`package: ${paths.size} files, ${(packed.unpackedSize / 1024).toFixed(0)} KiB unpacked`);
  return join(folder, packed.filename);
}

async function checkStoreSize() {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(rootPath, "dist", "store", "index.js")],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    external: ["apache-arrow", "node:*", "@lancedb/*"],
    logLevel: "silent",
  });
  const size = outputFiles[0]?.contents.length ?? 0;
  if (size > storeLimitBytes)
    problems.push(`pennon/store: ${size} bytes bundled and minified, at most ${storeLimitBytes} expected`);
  for (const { imports } of Object.values(metafile.outputs)) {
    for (const { path, kind } of imports) {
      const guarded = path === "node:worker_threads" && kind === "dynamic-import";
      if (path !== "apache-arrow" && !guarded)
        problems.push(`pennon/store: imports ${path}; only apache-arrow is expected`);
    }
  }
  console.log(`pennon/store: ${(size / 1024).toFixed(1)} KiB bundled and minified, at most ${storeLimitBytes / 1024}`);
}

/** How users compile: file name, options, and whether imports are `require`. */
const consumers = [
  { name: "ESM", file: "esm.mts", options: { module: "NodeNext", moduleResolution: "NodeNext" } },
  { name: "require(esm)", file: "cjs.cts", options: { module: "NodeNext", moduleResolution: "NodeNext" } },
  { name: "bundler", file: "bundler.ts", options: { module: "ESNext", moduleResolution: "Bundler" } },
];

/** @param {string} tarball @param {string} folder an empty folder */
function checkConsumers(tarball, folder) {
  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  execFileSync("tar", ["-xzf", tarball, "-C", folder]);
  renameSync(join(folder, "package"), join(modules, "pennon"));
  // Not LanceDB, which is an optional peer. Of a scoped package the whole scope.
  const dependencies = Object.keys(manifest.dependencies).map((name) => name.split("/")[0] ?? name);
  for (const name of new Set(["apache-arrow", "@types", "flatbuffers", "tslib", ...dependencies])) {
    symlinkSync(join(rootPath, "node_modules", name), join(modules, name), "junction");
  }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  for (const { name, file, options } of consumers) {
    const lines = entries.map((entry, i) =>
      file.endsWith(".cts") ? `import m${i} = require("${entry}");` : `import * as m${i} from "${entry}";`,
    );
    writeFileSync(
      join(folder, file),
      `${lines.join("\n")}\nexport const all = [${entries.map((_, i) => `m${i}`).join(", ")}];\n`,
    );
    const config = {
      compilerOptions: {
        ...options,
        target: "ES2022",
        lib: ["ES2022", "ESNext.Disposable", "DOM"],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: false,
        types: ["node"],
      },
      files: [file],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const run = spawnSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", folder], {
      cwd: folder,
      encoding: "utf8",
    });
    // apache-arrow's own declarations are not ours to mend; ours are.
    const errors = run.stdout
      .split("\n")
      .filter((line) => /error TS/.test(line) && !/apache-arrow/.test(line.split("(")[0] ?? ""));
    for (const line of errors) problems.push(`types, ${name}: ${line}`);
    console.log(`types, ${name}: ${entries.join(", ")}: ${errors.length === 0 ? "right" : "wrong"}`);
  }
  checkLoading(folder);
}

/** @param {string} folder with the package installed */
function checkLoading(folder) {
  const list = JSON.stringify(entries);
  const loads = [
    { name: "import()", code: `Promise.all(${list}.map((name) => import(name)))` },
    {
      name: "openTable() without LanceDB",
      code: `import("pennon").then(({ openTable, schema, int64 }) => openTable("t", { schema: schema({ a: int64() }) })).then(
        () => process.exit(1),
        (error) => { if (!/not installed: npm install @lancedb.lancedb@/.test(error.message)) throw error; },
      )`,
    },
    // Plain Node of this version can require() a module that has no top-level await, or says that it cannot.
    { name: "require()", code: `if (process.features.require_module) for (const name of ${list}) require(name)` },
  ];
  writeFileSync(join(folder, "package.json"), "{}\n");
  for (const { name, code } of loads) {
    const run = spawnSync(process.execPath, ["-e", code], { cwd: folder, encoding: "utf8" });
    if (run.status !== 0) problems.push(`${name}: ${run.stderr.trim()}`);
    console.log(`${name}: ${run.status === 0 ? "works" : "fails"} on Node ${process.version}`);
  }
}

const folder = mkdtempSync(join(tmpdir(), "pennon-package-"));
try {
  await checkManifest();
  await checkStoreSize();
  const tarball = pack(folder);
  const consumer = join(folder, "consumer");
  mkdirSync(consumer);
  checkConsumers(tarball, consumer);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
console.log(`package: ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
