/** The binary itself: what a module that several threads instantiate on one memory must not contain. */
import { describe, expect, it } from "vitest";
import { kernelsModule } from "./compile.js";
import { wasmBase64 } from "./wasm.generated.js";

const binary = Buffer.from(wasmBase64, "base64");

/** The bytes of each section by its id (https://webassembly.github.io/spec/core/binary/modules.html). */
function sections(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  let at = 8;
  while (at < bytes.length) {
    const id = bytes[at++] ?? 0;
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = bytes[at++] ?? 0;
      size |= (byte & 127) << shift;
      more = byte > 127;
    }
    found.set(id, bytes.subarray(at, at + size));
    at += size;
  }
  return found;
}

describe("the kernels' binary", () => {
  const found = sections(binary);

  it("is small and compiles", () => {
    expect(binary.length).toBeLessThan(16 * 1024);
    expect(kernelsModule()).toBeDefined();
  });

  it.each([
    [5, "memory of its own"],
    [6, "globals, mutable or not, and so no shadow stack pointer"],
    [8, "start function"],
    [11, "data segments"],
    [12, "data count"],
  ])("has no section %i: no %s", (id) => {
    expect(found.has(id)).toBe(false);
  });

  it("imports one shared memory of 1 to 65,536 pages, and nothing else", () => {
    const text = Buffer.concat([Buffer.from([3]), Buffer.from("env"), Buffer.from([6]), Buffer.from("memory")]);
    // One import; kind 2 (memory), flags 3 (shared, has a maximum), minimum 1, maximum 65,536 as LEB128.
    const expected = Buffer.concat([Buffer.from([1]), text, Buffer.from([2, 3, 1, 0x80, 0x80, 4])]);
    expect(Buffer.from(found.get(2) ?? [])).toEqual(expected);
  });

  it("has code and exports, so the test reads the right sections", () => {
    expect([found.has(7), found.has(10)]).toEqual([true, true]);
  });
});
