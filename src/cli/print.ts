/**
 * Standard output.
 *
 * @module
 */

/** Resolves when the text has been handed to the system: who prints much waits for it, and holds one piece at a time. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
