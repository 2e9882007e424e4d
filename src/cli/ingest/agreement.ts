/**
 * Whether all who computed statistics found the same.
 *
 * @module
 */
import type { ColumnStatistics } from "./column-tally.js";

/** What one thread found. */
export interface Finding {
  /** "the writer", "reader 1" … */
  readonly who: string;
  readonly columns: readonly ColumnStatistics[];
}

const COMPARED = ["rows", "nulls", "min", "max", "sum", "checksum"] as const;

/** The first difference between the findings, in words that name the column and who found what; undefined when all agree. */
export function disagreement(findings: readonly Finding[]): string | undefined {
  const [first] = findings;
  if (first === undefined) return undefined;
  for (const other of findings) {
    if (other.columns.length !== first.columns.length) {
      return `${first.who} saw ${first.columns.length} columns, ${other.who} ${other.columns.length}`;
    }
  }
  for (let i = 0; i < first.columns.length; i++) {
    const difference = differenceIn(
      findings.map(({ who, columns }) => ({ who, column: columns[i] })),
      "",
    );
    if (difference !== undefined) return difference;
  }
  return undefined;
}

interface ColumnFinding {
  readonly who: string;
  readonly column: ColumnStatistics | undefined;
}

function differenceIn(findings: readonly ColumnFinding[], parent: string): string | undefined {
  const first = findings[0]?.column;
  if (first === undefined) return undefined;
  const path = parent === "" ? first.name : `${parent}.${first.name}`;
  // Children first: a nested column's checksum covers theirs, and the innermost difference says most.
  for (let i = 0; i < first.children.length; i++) {
    const children = findings.map(({ who, column }) => ({ who, column: column?.children[i] }));
    const difference = differenceIn(children, path);
    if (difference !== undefined) return difference;
  }
  for (const what of COMPARED) {
    if (findings.every(({ column }) => Object.is(column?.[what], first[what]))) continue;
    const found = findings.map(({ who, column }) => `${who}: ${String(column?.[what] ?? "none")}`).join(", ");
    return `column ${JSON.stringify(path)}: ${what} differs (${found})`;
  }
  return undefined;
}
