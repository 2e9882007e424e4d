/**
 * Which module may import which: `npm run layers` (scripts/layers.mjs) reads this. Imports only go down the list of layers;
 * type-only imports count as imports. Tests, benchmarks and fixtures may import anything, and nothing may import them.
 */

/** From the top down. A layer may import itself and every layer after it. */
const layers = [
  "cli",
  "table",
  "scan",
  "compact",
  "writer",
  "lance",
  "storage",
  "memtable",
  "store",
  "arrow",
  "kernels",
];

/** Readers of foreign files stand beside the list: only these layers may import them, and they import only these. */
const input = { importedBy: ["cli", "table"], imports: ["arrow", "kernels"] };

const test = "\\.(test|bench|contract|fixture)\\.(ts|mjs)$";
const folder = (names) => `^src/(${names.join("|")})/`;

const downward = layers.map((layer, index) => ({
  name: `layer-${layer}`,
  severity: "error",
  comment: `src/${layer} may import only itself and the layers below it: ${[...layers.slice(index + 1), "errors.ts"].join(", ")}.`,
  from: { path: folder([layer]), pathNot: test },
  to: {
    path: "^src/",
    pathNot: [
      folder([...layers.slice(index), ...(input.importedBy.includes(layer) ? ["input"] : [])]),
      "^src/errors\\.ts$",
      test,
    ],
  },
}));

const core = folder(["store", "arrow", "kernels"]);
const prefault = "^src/store/prefault[^/]*\\.ts$";

module.exports = {
  forbidden: [
    ...downward,
    {
      name: "layer-input",
      severity: "error",
      comment: `src/input may import only itself, ${input.imports.join(", ")} and errors.ts.`,
      from: { path: folder(["input"]), pathNot: test },
      to: { path: "^src/", pathNot: [folder(["input", ...input.imports]), "^src/errors\\.ts$", test] },
    },
    {
      name: "layer-errors",
      severity: "error",
      comment: "src/errors.ts is the lowest layer: it imports nothing.",
      from: { path: "^src/errors\\.ts$" },
      to: {},
    },
    {
      name: "layer-unknown",
      severity: "error",
      comment: `Every source lies in a layer: ${[...layers, "input"].join(", ")}, errors.ts or the entry index.ts. Name a new layer in .dependency-cruiser.cjs.`,
      from: { path: "^src/", pathNot: [folder([...layers, "input"]), "^src/(errors|index)\\.ts$", test] },
      to: {},
    },
    {
      name: "entry-not-imported",
      severity: "error",
      comment: "The package's entry src/index.ts is for users: inside, import the module that defines the name.",
      from: { path: "^src/", pathNot: test },
      to: { path: "^src/index\\.ts$" },
    },
    {
      name: "no-test-code",
      severity: "error",
      comment: "Sources do not import tests, benchmarks, fixtures or anything under test/, bench/ and scripts/.",
      from: { path: "^src/", pathNot: test },
      to: { path: [test, "^(test|bench|scripts)/"] },
    },
    {
      name: "core-packages",
      severity: "error",
      comment: "src/store, src/arrow and src/kernels import no package but apache-arrow: `pennon/store` stays small.",
      from: { path: core, pathNot: test },
      to: {
        dependencyTypes: ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-no-pkg", "npm-unknown"],
        pathNot: "node_modules/apache-arrow/",
      },
    },
    {
      name: "core-no-lancedb",
      severity: "error",
      comment: "LanceDB is never imported under src/store, src/arrow and src/kernels.",
      from: { path: core },
      to: { path: "@lancedb" },
    },
    {
      name: "core-no-builtins",
      severity: "error",
      comment:
        "src/store, src/arrow and src/kernels run wherever shared memory does: no Node built-in (src/store/prefault* may load node:worker_threads).",
      from: { path: core, pathNot: [test, prefault] },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "prefault-builtins",
      severity: "error",
      comment: "src/store/prefault* may load node:worker_threads and no other built-in.",
      from: { path: prefault, pathNot: test },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?worker_threads$" },
    },
    {
      name: "prefault-dynamic",
      severity: "error",
      comment:
        "src/store/prefault* loads node:worker_threads by a guarded import(), so that the store also loads where there is none.",
      from: { path: prefault, pathNot: test },
      to: { dependencyTypes: ["core"], dynamic: false, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "lancedb-dynamic",
      severity: "error",
      comment:
        "LanceDB is an optional peer: import() it, so that everything else works without it (type-only imports are fine).",
      from: { path: "^src/", pathNot: test },
      to: { path: "@lancedb", dynamic: false, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-cycles",
      severity: "error",
      comment:
        "A cycle of imports: move what both sides need into a module below both (type-only imports may point back).",
      from: { path: "^src/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-unresolved",
      severity: "error",
      comment: "The import leads nowhere.",
      from: { path: "^src/" },
      to: { couldNotResolve: true, pathNot: ["@lancedb"] },
    },
    {
      name: "no-dev-packages",
      severity: "error",
      comment: "Sources import only dependencies and peer dependencies: devDependencies are not there for users.",
      from: { path: "^src/", pathNot: test },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["npm-peer", "type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^src/kernels/assembly/" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "types", "default"] },
  },
};
