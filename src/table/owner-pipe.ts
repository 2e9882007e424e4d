/**
 * The owner's name as a named pipe, for Windows: the system lets one process at a time listen at it and forgets it with the process, so
 * there is nothing to contend for and nothing to clean up.
 *
 * Taking over asks the owner to yield the name. One that does not (stopped, or busy) keeps it, and the new owner goes without: the epoch
 * in the shard's manifest decides either way.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { StorageError } from "../errors.js";
import { type ClaimOptions, type Owner, type Ownership, ownedBy } from "./owner.js";
import { type Answer, askOwner, createOwnerServer, type Hello } from "./owner-hello.js";
import { listening } from "./socket-directory.js";

const ANSWER_MS = 2_000;
/** Times the name is tried while its owner yields it or ends. */
const MAX_ROUNDS = 50;
const ROUND_MS = 20;

/** The pipe of a shard's directory. */
export function pipeName(path: string): string {
  return `\\\\.\\pipe\\pennon-${createHash("sha256").update(path.toLowerCase()).digest("hex").slice(0, 32)}`;
}

/** See `claimOwnership`. */
export async function claimPipe(name: string, shard: string, options: ClaimOptions): Promise<Ownership> {
  const hello: { -readonly [K in keyof Hello]: Hello[K] } = {
    pid: process.pid,
    state: "owner",
    since: new Date().toISOString(),
  };
  const takeover = options.takeover ?? false;
  let held = false;
  for (let round = 0; round < MAX_ROUNDS && !held; round++) {
    options.signal?.throwIfAborted();
    const server: Server = createOwnerServer(
      () => hello,
      () => server.close(),
    );
    held = await tryListening(server, name, shard);
    if (held) return { announce: (epoch) => Object.assign(hello, { epoch }), close: async () => void server.close() };
    const request = takeover ? ({ request: "yield" } as const) : {};
    const answer = await askOwner(name, { timeoutMs: ANSWER_MS, ...request });
    if (answer.kind === "dead") continue;
    if (!takeover && !(answer.kind === "silent" && answer.hungUp)) throw ownedBy(shard, ownerIn(answer));
    if (answer.kind === "silent" && !answer.hungUp) break;
    await sleep(ROUND_MS);
  }
  if (!takeover) throw ownedBy(shard, { answers: false });
  return { announce: () => {}, close: async () => {} };
}

/** See `ownerOf`. */
export async function pipeOwner(name: string): Promise<Owner | undefined> {
  const answer = await askOwner(name, { timeoutMs: ANSWER_MS });
  return answer.kind === "dead" ? undefined : ownerIn(answer);
}

function ownerIn(answer: Exclude<Answer, { kind: "dead" }>): Owner {
  if (answer.kind === "silent") return { answers: false };
  const { state: _, ...told } = answer.hello;
  return { ...told, answers: true };
}

/** False when somebody listens there. */
async function tryListening(server: Server, name: string, shard: string): Promise<boolean> {
  try {
    await listening(server, name);
    return true;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EADDRINUSE" || code === "EACCES") return false;
    const message = error instanceof Error ? error.message : String(error);
    throw new StorageError(`cannot make a pipe for the owner of ${shard}: ${message}`, { cause: error });
  }
}
