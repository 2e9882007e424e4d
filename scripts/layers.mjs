/**
 * `npm run layers`: the rules of .dependency-cruiser.cjs, and who may use `Atomics`. With a folder as its argument it checks
 * that repository instead: the tests hold it against one that breaks each rule.
 */
// @ts-check
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve, sep } from "node:path";
import { cruise } from "dependency-cruiser";
import ts from "typescript";
import { rootPath } from "./paths.mjs";

/** Shared memory has its own rules; code that follows them is kept in one place. */
const atomicsFolders = ["src/store/", "src/memtable/", "src/kernels/", "src/writer/"];
const testCode = /\.(test|bench|contract|fixture)\.ts$/;

/**
 * Line of the first use of `Atomics` in a source, comments and strings left out; 0 when there is none.
 *
 * @param {string} text
 */
function lineOfAtomics(text) {
  const file = ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest, false);
  /** @type {(node: ts.Node) => number} */
  const find = (node) => {
    if (ts.isIdentifier(node) && node.text === "Atomics") {
      return file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
    }
    return ts.forEachChild(node, (child) => find(child) || undefined) ?? 0;
  };
  return find(file);
}

/** @param {string} folder @returns {string[]} */
function atomicsViolations(folder) {
  const violations = [];
  for (const entry of readdirSync(join(folder, "src"), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path
      .slice(folder.length + 1)
      .split(sep)
      .join("/");
    if (!entry.isFile() || !name.endsWith(".ts") || testCode.test(name)) continue;
    if (atomicsFolders.some((allowed) => name.startsWith(allowed))) continue;
    const line = lineOfAtomics(readFileSync(path, "utf8"));
    if (line > 0) {
      violations.push(
        `atomics: ${name}:${line} uses Atomics; only ${atomicsFolders.join(", ")} may: call what they offer`,
      );
    }
  }
  return violations;
}

/**
 * @param {string} folder a repository: `src/` in it is checked
 * @returns {Promise<{ violations: string[], modules: number }>} one line a violation
 */
async function checkLayers(folder) {
  const { options, ...ruleSet } = createRequire(import.meta.url)(join(rootPath, ".dependency-cruiser.cjs"));
  const { enhancedResolveOptions, ...cruiseOptions } = options;
  const result = await cruise(
    ["src"],
    { ...cruiseOptions, baseDir: folder, ruleSet, validate: true },
    enhancedResolveOptions,
  );
  if (typeof result.output === "string")
    throw new Error(`expected a result of dependency-cruiser, got: ${result.output}`);
  const { summary } = result.output;
  const imports = summary.violations.map(({ from, to, rule }) => {
    const comment = ruleSet.forbidden.find(
      (/** @type {{ name: string }} */ known) => known.name === rule.name,
    )?.comment;
    return `${rule.name}: ${from} imports ${to}\n    ${comment}`;
  });
  return { violations: [...imports, ...atomicsViolations(folder)], modules: summary.totalCruised };
}

const { violations, modules } = await checkLayers(resolve(process.argv[2] ?? rootPath));
for (const violation of violations) console.error(violation);
console.log(`layers: ${modules} modules, ${violations.length} violations`);
process.exitCode = violations.length > 0 ? 1 : 0;
