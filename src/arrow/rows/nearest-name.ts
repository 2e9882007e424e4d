/**
 * The name that a misspelt one was probably meant to be.
 *
 * @module
 */

const MOST_NAMES = 1_000;
const MOST_CHARACTERS = 64;

/** The name of `names` with the least edits to `wrong`, case aside; undefined when all of them are too far from it to be meant. */
export function nearestName(wrong: string, names: readonly string[]): string | undefined {
  if (wrong.length > MOST_CHARACTERS) return undefined;
  let least = Math.max(1, Math.floor(wrong.length / 3)) + 1;
  let nearest: string | undefined;
  for (const name of names.slice(0, MOST_NAMES)) {
    if (name.length > MOST_CHARACTERS) continue;
    const edits = editsBetween(wrong.toLowerCase(), name.toLowerCase());
    if (edits >= least) continue;
    least = edits;
    nearest = name;
  }
  return nearest;
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editsBetween(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
