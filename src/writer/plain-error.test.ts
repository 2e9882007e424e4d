import { describe, expect, it } from "vitest";
import {
  ClosedError,
  ConflictError,
  CorruptError,
  FullError,
  GoneError,
  OutcomeUnknownError,
  PennonError,
  RetryableError,
  StorageError,
  TooLargeError,
  UsageError,
} from "../errors.js";
import { ObjectExistsError } from "../storage/object-store.js";
import { fromPlainError, toPlainError } from "./plain-error.js";

/** As if it had come from another thread. */
const crossed = (error: unknown): Error => fromPlainError(structuredClone(toPlainError(error)));

describe("errors as plain data", () => {
  const cause = new RangeError("below");

  it.each([
    new UsageError("wrong", { cause }),
    new FullError("full", "puts", { cause }),
    new RetryableError("again", { cause }),
    new ConflictError("fenced", { cause }),
    new OutcomeUnknownError("perhaps", { cause, position: "17", retryable: true }),
    new OutcomeUnknownError("perhaps", { cause }),
    new GoneError("gone", { cause }),
    new CorruptError("torn", { cause }),
    new StorageError("refused", { cause }),
    new ClosedError("closed", { cause }),
  ])("keep what $name says", (error) => {
    const copy = crossed(error);
    expect(copy).toBeInstanceOf(error.constructor);
    expect(copy).toMatchObject({ name: error.name, code: error.code, message: error.message, stack: error.stack });
    expect(Object.entries(copy)).toEqual(expect.arrayContaining(Object.entries({ retryable: error.retryable })));
    if (error instanceof OutcomeUnknownError) expect(copy).toHaveProperty("position", error.position);
    if (error instanceof FullError) expect(copy).toHaveProperty("bound", error.bound);
    expect(copy.cause).toMatchObject({ message: "below" });
    expect(copy.cause).toBeInstanceOf(Error);
  });

  it("keep the class a caller tests for, of its subclasses", () => {
    expect(crossed(new TooLargeError("large"))).toBeInstanceOf(UsageError);
    expect(crossed(new ObjectExistsError("taken"))).toBeInstanceOf(ConflictError);
  });

  it("do not make a defect, or what is no error, one of the contract's", () => {
    expect(crossed(new TypeError("x is not a function"))).not.toBeInstanceOf(PennonError);
    expect(crossed("thrown text").message).toBe("thrown text");
    expect(crossed(undefined).message).toBe("undefined");
  });

  it("are bounded: of a chain of causes only the first are kept", () => {
    let error = new Error("0");
    for (let i = 1; i < 100; i++) error = new Error(String(i), { cause: error });
    error.cause = new Error("round", { cause: error });
    let depth = 0;
    for (let at: unknown = crossed(error); at instanceof Error; at = at.cause) depth++;
    expect(depth).toBe(9);
  });
});
