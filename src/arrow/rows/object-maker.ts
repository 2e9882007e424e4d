/**
 * Makes objects out of one value from each of several readers.
 *
 * @module
 */

/** Where a value comes from. */
export interface ValueSource {
  get(row: number): unknown;
}

export class ObjectMaker {
  readonly #names: readonly string[];
  readonly #sources: readonly ValueSource[];
  /** Assigned to, `__proto__` would set the object's prototype. */
  readonly #plain: boolean;

  constructor(names: readonly string[], sources: readonly ValueSource[]) {
    this.#names = names;
    this.#sources = sources;
    this.#plain = !names.includes("__proto__");
  }

  /** An object with a property for each name, in their order. */
  make(row: number): Record<string, unknown> {
    const names = this.#names;
    const sources = this.#sources;
    const object: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) {
      const value = sources[i]?.get(row);
      if (this.#plain) object[names[i] ?? ""] = value;
      else
        Object.defineProperty(object, names[i] ?? "", { value, writable: true, enumerable: true, configurable: true });
    }
    return object;
  }
}
