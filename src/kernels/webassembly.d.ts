/**
 * The part of the WebAssembly JavaScript interface that Pennon uses (https://webassembly.github.io/spec/js-api/).
 * Declared here because the types of Node do not bring it and the DOM's would bring a browser's whole vocabulary with
 * it.
 */
// biome-ignore lint/style/noNamespace: this is the standard's own global name.
declare namespace WebAssembly {
  interface MemoryDescriptor {
    /** Pages of 64 KiB. */
    initial: number;
    /** Pages of 64 KiB; required when shared. */
    maximum?: number;
    shared?: boolean;
  }

  interface Memory {
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
  }
  var Memory: { prototype: Memory; new (descriptor: MemoryDescriptor): Memory };

  interface Module {
    readonly [Symbol.toStringTag]?: "WebAssembly.Module";
  }
  var Module: { prototype: Module; new (bytes: Uint8Array): Module };

  interface Instance {
    readonly exports: Readonly<Record<string, unknown>>;
  }
  var Instance: {
    prototype: Instance;
    new (module: Module, imports?: Record<string, Record<string, unknown>>): Instance;
  };
}
