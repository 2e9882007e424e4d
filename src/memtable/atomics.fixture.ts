/** Runs code with something happening between two of its steps on shared memory, as if another thread had come in between. */

const NAMES = ["load", "store", "compareExchange", "exchange", "add", "sub", "and", "or"] as const;

/**
 * Runs `action`; before each of its atomic operations `before` is called with the number of operations before it, from 0. What `before`
 * itself does is not counted.
 */
export function betweenAtomics<T>(before: (operation: number) => void, action: () => T): T {
  const originals = NAMES.map((name) => [name, Atomics[name]] as const);
  let operation = 0;
  let within = false;
  for (const [name, original] of originals) {
    Reflect.set(Atomics, name, (...args: unknown[]) => {
      if (!within) {
        within = true;
        try {
          before(operation++);
        } finally {
          within = false;
        }
      }
      return Reflect.apply(original, Atomics, args);
    });
  }
  try {
    return action();
  } finally {
    for (const [name, original] of originals) Reflect.set(Atomics, name, original);
  }
}

/** Stands for a thread that was terminated. */
export class Terminated extends Error {}

/** Runs `action` up to its atomic operation number `operation`, and nothing after that; true when it came to its end before. */
export function terminateAt(operation: number, action: () => void): boolean {
  try {
    betweenAtomics((current) => {
      if (current >= operation) throw new Terminated();
    }, action);
    return true;
  } catch (error) {
    if (error instanceof Terminated) return false;
    throw error;
  }
}
