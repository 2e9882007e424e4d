/** The way in: the kernels of a memory, in whichever implementation it and the engine allow. */
import { kernelsModule } from "./compile.js";
import type { Kernels, WasmMemory } from "./interface.js";
import { PlainKernels } from "./plain-kernels.js";
import { WasmKernels } from "./wasm-kernels.js";

export type { Kernels } from "./interface.js";

/**
 * Kernels on one memory: WebAssembly when there is a shared `WebAssembly.Memory` and the engine can run the module,
 * else the twin. Create them once per memory and thread and keep them.
 * @param memory - the memory to which `buffer` belongs, or undefined for a bare buffer
 * @param buffer - where all addresses lie; must not be resizable
 */
export function createKernels(memory: WasmMemory | undefined, buffer: ArrayBufferLike): Kernels {
  if (typeof WebAssembly === "undefined" || !(memory instanceof WebAssembly.Memory)) return new PlainKernels(buffer);
  const module = memory.buffer instanceof SharedArrayBuffer ? kernelsModule() : undefined;
  return module ? new WasmKernels(module, memory) : new PlainKernels(buffer);
}
