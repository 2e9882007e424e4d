import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url);

describe("README", () => {
  it("has examples that run as written and print what it says", async () => {
    const readme = await readFile(new URL("README.md", root), "utf8");
    const examples = [...readme.matchAll(/```js\n\/\/ ([\w.]+)\n([\s\S]*?)```\s+It prints `([^`]+)`/g)];
    expect(examples.map(([, name]) => name)).toEqual(["notes.mjs", "threads.mjs"]);
    // Inside the package, so that `pennon` resolves to this very package.
    const folder = new URL(".cache/readme/", root);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    for (const [, name = "", code = "", promised] of examples) {
      await writeFile(new URL(name, folder), code);
      const options = { cwd: fileURLToPath(folder), timeout: 30_000 };
      const { stdout } = await promisify(execFile)(process.execPath, [name], options);
      expect(stdout.trim()).toBe(promised);
    }
  }, 60_000);

  it("names only files and scripts that exist", async () => {
    const readme = await readFile(new URL("README.md", root), "utf8");
    const links = [...readme.matchAll(/\]\(((?!http)[^)]+)\)/g)].map((match) => match[1] ?? "");
    for (const link of links) await expect(readFile(new URL(link, root), "utf8"), link).resolves.not.toBe("");
    const { scripts } = JSON.parse(await readFile(new URL("package.json", root), "utf8"));
    const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1]);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});
