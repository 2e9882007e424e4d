/**
 * The row mixer of the checksums; the twin is `../plain/mix.ts`, which states the definition. Scalar for one row, and
 * four rows side by side in the lanes of a vector.
 */

const ROW_FACTOR: u32 = 0x9e3779b1;
const ROW_START: u32 = 0x165667b1;
const WORD_FACTOR: u32 = 0xcc9e2d51;
const END_FACTOR: u32 = 0x85ebca6b;
const NULL_MARK: u32 = 0x27d4eb2f;

// @ts-ignore: decorator
@inline
export function seed(row: u32): u32 {
  return row * ROW_FACTOR + ROW_START;
}

// @ts-ignore: decorator
@inline
export function step(hash: u32, word: u32): u32 {
  return rotl<u32>((hash ^ word) * WORD_FACTOR, 15);
}

// @ts-ignore: decorator
@inline
export function finish(hash: u32): u32 {
  const folded = (hash ^ (hash >> 16)) * END_FACTOR;
  return folded ^ (folded >> 13);
}

// @ts-ignore: decorator
@inline
export function finishNull(seeded: u32): u32 {
  return finish(seeded ^ NULL_MARK);
}

/** Seeds of rows row, row + 1, row + 2, row + 3. */
// @ts-ignore: decorator
@inline
export function seed4(row: u32): v128 {
  return i32x4.add(i32x4.splat(seed(row)), i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(ROW_FACTOR)));
}

/** From the seeds of four rows to those of the next four: the seed is linear in the row. */
// @ts-ignore: decorator
@inline
export function nextSeed4(seeds: v128): v128 {
  return i32x4.add(seeds, i32x4.splat(4 * ROW_FACTOR));
}

// @ts-ignore: decorator
@inline
export function step4(hash: v128, words: v128): v128 {
  const product = i32x4.mul(v128.xor(hash, words), i32x4.splat(WORD_FACTOR));
  return v128.or(i32x4.shl(product, 15), i32x4.shr_u(product, 17));
}

// @ts-ignore: decorator
@inline
export function finish4(hash: v128): v128 {
  const folded = i32x4.mul(v128.xor(hash, i32x4.shr_u(hash, 16)), i32x4.splat(END_FACTOR));
  return v128.xor(folded, i32x4.shr_u(folded, 13));
}

// @ts-ignore: decorator
@inline
export function finishNull4(seeds: v128): v128 {
  return finish4(v128.xor(seeds, i32x4.splat(NULL_MARK)));
}

// @ts-ignore: decorator
@inline
export function addLanes(hashes: v128): u32 {
  return (
    <u32>i32x4.extract_lane(hashes, 0) +
    <u32>i32x4.extract_lane(hashes, 1) +
    <u32>i32x4.extract_lane(hashes, 2) +
    <u32>i32x4.extract_lane(hashes, 3)
  );
}
