import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url);

describe("README", () => {
  it("has a first example that runs as written and prints what it says", async () => {
    const readme = await readFile(new URL("README.md", root), "utf8");
    const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
    const promised = /It prints `([^`]+)`/.exec(readme)?.[1];
    expect(promised).toBeDefined();
    // Inside the package, so that `pennon/store` resolves to this very package.
    const folder = new URL(".cache/readme/", root);
    await mkdir(folder, { recursive: true });
    const file = new URL("threads.mjs", folder);
    await writeFile(file, example);
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(file)], { timeout: 20_000 });
    expect(stdout.trim()).toBe(promised);
  });

  it("names only files and scripts that exist", async () => {
    const readme = await readFile(new URL("README.md", root), "utf8");
    const links = [...readme.matchAll(/\]\(((?!http)[^)]+)\)/g)].map((match) => match[1] ?? "");
    for (const link of links) await expect(readFile(new URL(link, root), "utf8"), link).resolves.not.toBe("");
    const { scripts } = JSON.parse(await readFile(new URL("package.json", root), "utf8"));
    const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1]);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});
