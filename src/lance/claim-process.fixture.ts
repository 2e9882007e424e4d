/**
 * A process that claims a shard, appends until it is fenced, and claims again. Arguments: `claim`, the shard's directory, how often it must have held it.
 *
 * It prints a line of JSON for each claim and each acknowledged entry. Times are those of a clock that all processes share, in ns.
 */
import { writeSync } from "node:fs";
import { ConflictError } from "../errors.js";
import { LocalStore } from "../storage/local-store.js";
import { claimShard } from "./claim.js";
import { EpochWatch } from "./epoch-watch.js";
import { ManifestStore } from "./manifest-store.js";
import { walKey } from "./names.js";
import { putSettled } from "./put-settled.js";
import { UNSHARDED_SHARD_ID } from "./shard-id.js";

/** What is printed. */
export type Line =
  /** The claim returned at `at`. */
  | { readonly claimed: number; readonly nextPosition: number; readonly at: string }
  /** The entry was durable, and the look that found the claim held began, at `at`. */
  | { readonly acknowledged: number; readonly position: number; readonly at: string };

/** Contents of the entry at a position by the holder of an epoch. */
export function entryOf(epoch: number, position: number): Uint8Array {
  return Buffer.from(`entry ${position} of epoch ${epoch}`);
}

const MAX_ENTRIES = 200;
/** So long a winner writes before it looks whether it is time to claim again. */
const ENTRIES_A_CLAIM = 8;

/** Claims that may be lost in a row to the others. */
const MAX_TRIES = 500;
/** Pause after a lost one, so that those who claim at once do not do so again. */
const MAX_PAUSE_MS = 25;

function print(line: Line): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

let held = 0;

async function once(store: LocalStore): Promise<void> {
  const manifests = new ManifestStore(store, UNSHARDED_SHARD_ID);
  const { epoch, nextPosition } = await claimShard(manifests, store);
  held++;
  print({ claimed: epoch, nextPosition, at: String(process.hrtime.bigint()) });
  const watch = new EpochWatch(manifests, { epoch });
  let appended = 0;
  for (let position = nextPosition; position < nextPosition + MAX_ENTRIES && appended < ENTRIES_A_CLAIM; position++) {
    // A sentinel of a claim that failed may have the position, and only such a one while this claim holds.
    const ours = await putSettled(store, walKey(position), entryOf(epoch, position));
    const at = String(process.hrtime.bigint());
    await watch.check();
    if (!ours) continue;
    appended++;
    print({ acknowledged: epoch, position, at });
  }
}

/** Until it has held the shard so often. */
async function main(directory: string, claims: number): Promise<void> {
  const store = new LocalStore(directory);
  for (let i = 0; held < claims && i < MAX_TRIES; i++) {
    try {
      await once(store);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * MAX_PAUSE_MS));
    }
  }
  await store.close();
}

const [mode, directory, claims] = process.argv.slice(2);
if (mode === "claim" && directory !== undefined) {
  main(directory, Number(claims)).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  });
}
