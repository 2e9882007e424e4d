/** Moving bytes within the memory: the engine's bulk instructions, at any alignment. */

/** memmove: the regions may overlap. */
export function copy(dst: usize, src: usize, bytes: usize): void {
  memory.copy(dst, src, bytes);
}

export function fill(dst: usize, byte: u8, bytes: usize): void {
  memory.fill(dst, byte, bytes);
}
