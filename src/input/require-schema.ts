/**
 * Holding a file that carries its own schema against the one that was asked for.
 *
 * @module
 */

import { type Schema, util } from "apache-arrow";
import { UsageError } from "../errors.js";

/** Names and types must agree, in order; nullability and metadata may differ. @throws UsageError naming the first difference. */
export function requireSchema(name: string, actual: Schema, wanted: Schema | undefined): void {
  if (actual.fields.length === 0) throw new UsageError(`${name}: has no columns`);
  if (wanted === undefined) return;
  const count = Math.max(actual.fields.length, wanted.fields.length);
  for (let i = 0; i < count; i++) {
    const have = actual.fields[i];
    const want = wanted.fields[i];
    if (have !== undefined && want !== undefined && have.name === want.name && util.compareTypes(have.type, want.type))
      continue;
    const shown = (field: typeof have) => (field === undefined ? "nothing" : `"${field.name}" (${field.type})`);
    throw new UsageError(`${name}: column ${i + 1} is ${shown(have)}; expected ${shown(want)}`);
  }
}
