import { describe, expect, it } from "vitest";
import { nearestName } from "./nearest-name.js";

describe("the name that was meant", () => {
  const names = ["id", "email", "createdAt", "created_by"];
  it.each([
    ["emial", "email"],
    ["Email", "email"],
    ["e-mail", "email"],
    ["created_at", "createdAt"],
    ["createdBy", "created_by"],
    ["ID", "id"],
    ["di", "id"],
    ["x", undefined],
    ["telephone", undefined],
    ["", undefined],
    ["e".repeat(65), undefined],
  ])("%j: %j", (wrong, meant) => {
    expect(nearestName(wrong, names)).toBe(meant);
  });

  it("is not looked for among names without end", () => {
    const many = Array.from({ length: 1_000 }, (_, i) => `column${i}`);
    expect(nearestName("emial", [...many, "email"])).toBeUndefined();
    expect(nearestName("emial", ["email".repeat(20), "email"])).toBe("email");
  });
});
