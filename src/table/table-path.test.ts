import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { parseTablePath } from "./table-path.js";

describe("parseTablePath", () => {
  it("splits database and table", () => {
    const database = resolve("db");
    const expected = { database, name: "notes", directory: join(database, "notes.lance") };
    expect(parseTablePath("./db/notes")).toEqual(expected);
    expect(parseTablePath("db/notes/")).toEqual(expected);
    expect(parseTablePath("db/notes.lance")).toEqual(expected);
    expect(parseTablePath(join(database, "notes"))).toEqual(expected);
    expect(parseTablePath("notes").database).toBe(resolve("."));
    expect(parseTablePath("db/v1.2_a-b").name).toBe("v1.2_a-b");
  });

  it.each(["s3://bucket/db/notes", "gs://b/t", "az://b/t", "db://cloud", "file:///tmp/db/t", "memory://x/y"])(
    "refuses the URL %s",
    (path) => {
      expect(() => parseTablePath(path)).toThrow(UsageError);
      expect(() => parseTablePath(path)).toThrow(/URL/);
    },
  );

  it.each(["", "/", "db/a b", "db/ä", "db/.lance", "db/x\0y", `db/${"x".repeat(250)}`])("refuses %j", (path) => {
    expect(() => parseTablePath(path)).toThrow(UsageError);
  });

  it("refuses what is not a string", () => {
    expect(() => Reflect.apply(parseTablePath, undefined, [undefined])).toThrow(UsageError);
  });
});
