/**
 * The kernels' WebAssembly module, compiled on first use and once in each thread. Synchronous: the binary is small
 * (under 16 KB).
 */
import { wasmBase64 } from "./wasm.generated.js";

let compiled: WebAssembly.Module | "unsupported" | undefined;

function compile(): WebAssembly.Module | "unsupported" {
  if (typeof WebAssembly === "undefined") return "unsupported";
  try {
    return new WebAssembly.Module(Uint8Array.from(atob(wasmBase64), (character) => character.charCodeAt(0)));
  } catch {
    // The binary is fixed and tested: an engine that refuses it lacks SIMD or threads, or forbids compiling.
    return "unsupported";
  }
}

/** The module, or undefined when this engine cannot run it (no WebAssembly, no SIMD, no shared memories). */
export function kernelsModule(): WebAssembly.Module | undefined {
  compiled ??= compile();
  return compiled === "unsupported" ? undefined : compiled;
}
