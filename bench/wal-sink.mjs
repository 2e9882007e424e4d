/**
 * What every side of a comparison is: something that rows are put into, and that says when they are durable (or what it takes for that).
 */
// @ts-check

/** @typedef {import("./wal-rows.mjs").Portion} Portion */

/**
 * @typedef {object} Sink
 * @property {(portion: Portion) => unknown} put a promise, or done when it returns
 * @property {() => unknown} close
 */

/**
 * Puts one after the other.
 *
 * @param {Sink} sink
 * @param {readonly Portion[]} portions
 * @param {number} count
 * @returns {Promise<number[]>} milliseconds of each
 */
export async function latencies(sink, portions, count) {
  const found = [];
  for (let i = 0; i < count; i++) {
    const portion = portions[i % portions.length];
    if (portion === undefined) throw new Error("there are no portions");
    const start = performance.now();
    await sink.put(portion);
    found.push(performance.now() - start);
  }
  return found;
}

/**
 * One caller for each portion, each of which puts it `each` times, the next time once the last is durable.
 *
 * @param {Sink} sink
 * @param {readonly Portion[]} portions
 * @param {number} each
 * @returns {Promise<number>} puts a second
 */
export async function putsPerSecond(sink, portions, each) {
  const start = performance.now();
  await Promise.all(
    portions.map(async (portion) => {
      for (let i = 0; i < each; i++) await sink.put(portion);
    }),
  );
  return (portions.length * each * 1000) / (performance.now() - start);
}
