/**
 * A second copy of apache-arrow, as an application and a library it uses may each bring one: every class of it differs from those that
 * `import` gives. It is the package's CommonJS build.
 *
 * @module
 */
import { createRequire } from "node:module";

export const foreignArrow: typeof import("apache-arrow") = createRequire(import.meta.url)("apache-arrow");
