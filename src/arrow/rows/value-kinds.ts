/**
 * Which kind of object a user's value is. Classes are known by name too, as objects from another realm (a test runner's, a `node:vm`
 * context's) fail `instanceof`.
 *
 * @module
 */

export function isDate(value: unknown): value is Date {
  return value instanceof Date || (typeof value === "object" && tagged(value, "[object Date]"));
}

export function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return value instanceof Map || (typeof value === "object" && tagged(value, "[object Map]"));
}

/** An array, or a typed array of any kind. */
export function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/** The bytes of a view or of an ArrayBuffer, shared ones included; undefined for everything else. */
export function bytesIn(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return isArrayBuffer(value) ? new Uint8Array(value) : undefined;
}

/** An object that may have fields: neither an array nor a view of bytes. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/**
 * The names of an object's fields: its own enumerable properties. An object without any has fields, none, only when it is a plain
 * one: a promise, a map or a class with getters would otherwise pass for a row of nulls.
 */
export function fieldNames(object: object): readonly string[] | undefined {
  const names = Object.keys(object);
  if (names.length > 0) return names;
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null || Object.getPrototypeOf(prototype) === null ? names : undefined;
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return value instanceof ArrayBuffer || (typeof value === "object" && tagged(value, "[object ArrayBuffer]"));
}

function tagged(value: object | null, tag: string): boolean {
  return value !== null && !ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === tag;
}
