/**
 * A process that contends for a shard: `hold <directory>` claims it once, says "owner" or the error's code, and waits to be ended;
 * `contend <directory> <rounds>` claims it again and again and says how often it won, or "two owners" when it was not alone.
 */
import { closeSync, openSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PennonError } from "../errors.js";
import { claimOwnership } from "./owner-socket.js";

const [, , mode, directory = "", rounds = "0", takeover] = process.argv;

async function hold(): Promise<void> {
  try {
    const owner = await claimOwnership(directory, { takeover: takeover === "takeover" });
    owner.announce(7);
    console.log("owner");
    process.stdin.resume(); // until the parent hangs up or kills
    process.stdin.on("end", () => void owner.close());
  } catch (error) {
    console.log(error instanceof PennonError ? `${error.code}: ${error.message}` : String(error));
  }
}

async function contend(): Promise<void> {
  const flag = join(directory, "alone");
  let won = 0;
  for (let round = 0; round < Number(rounds); round++) {
    const owner = await claimOwnership(directory).catch(() => undefined);
    if (owner === undefined) continue;
    won++;
    try {
      closeSync(openSync(flag, "wx"));
    } catch {
      console.log("two owners");
      process.exit(1);
    }
    await sleep(Math.random() * 4);
    unlinkSync(flag);
    if (Math.random() < 0.3 && round === Number(rounds) - 1) process.kill(process.pid, "SIGKILL"); // leaves its name
    await owner.close();
  }
  console.log(won);
}

await (mode === "hold" ? hold() : contend());
