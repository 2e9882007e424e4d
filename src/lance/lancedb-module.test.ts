import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { loadLanceDb } from "./lancedb-module.js";

const failing = (error: Error) => loadLanceDb(() => Promise.reject(error));

describe("loadLanceDb", () => {
  it("loads the installed one", async () => {
    expect((await loadLanceDb()).connect).toBeTypeOf("function");
  });

  it("says what to install when it is missing", async () => {
    const error = new Error("Cannot find package '@lancedb/lancedb' imported from /app/x.js");
    await expect(failing(error)).rejects.toThrow(UsageError);
    await expect(failing(error)).rejects.toThrow(/not installed: npm install @lancedb\/lancedb@0\.39\.0$/);
  });

  it("tells why it could not be loaded", async () => {
    const error = new Error("Cannot find module '@lancedb/lancedb-linux-x64-gnu'\nRequire stack: …");
    await expect(failing(error)).rejects.toThrow(
      /could not be loaded \(Cannot find module '@lancedb\/lancedb-linux-x64-gnu'\)/,
    );
  });

  it("refuses another module", async () => {
    await expect(loadLanceDb(async () => ({ connect: () => undefined }))).rejects.toThrow(UsageError);
    await expect(loadLanceDb(async () => undefined)).rejects.toThrow(UsageError);
  });
});
