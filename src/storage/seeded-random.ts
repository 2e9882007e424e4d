/**
 * A small generator of pseudo-random numbers, so that what chance decides in a test is decided the same way again: mulberry32, by Tommy
 * Ettinger (public domain). Not for anything that must not be guessed.
 *
 * @param seed any integer; its lower 32 bits count
 * @returns numbers in [0, 1)
 */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
