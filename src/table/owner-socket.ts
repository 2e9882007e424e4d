/**
 * Who owns a shard on this machine: nobody fences a healthy writer by accident.
 *
 * What protects the data is the epoch in the shard's manifest. This keeps processes from taking it from each other: the owner listens on a
 * local socket in the shard's directory, and a second one that finds it listening gives up, naming its process.
 *
 * Each claimant makes a socket with a name of its own (`owner-<pid>-<random>.sock`), which appears when it listens already and is never
 * used again, then looks at all names:
 *
 * - Nobody listens at a name: its owner is dead, and the name is removed. Nobody can remove a live one by mistake.
 * - Somebody does and is owner, or does not answer in time (a stopped process): `Conflict`, with the process from the name.
 * - Somebody does and is claiming too: the one with the smaller name waits, the other withdraws and begins again.
 * - Nobody else is there: the claimant is owner.
 *
 * Two cannot both become owner: each publishes its name before it looks, so the one that published last sees the other's, which goes
 * only with its process, by withdrawal or by a takeover.
 *
 * `takeover` passes over owners and removes their names; two that take over at once still do so one after the other. On Windows a named
 * pipe takes the place of all this, see `owner-pipe.ts`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { mkdir, realpath } from "node:fs/promises";
import type { Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ConflictError, StorageError } from "../errors.js";
import { type ClaimOptions, type Owner, type Ownership, ownedBy } from "./owner.js";
import { type Answer, createOwnerServer, type Hello, type OwnerState } from "./owner-hello.js";
import { claimPipe, pipeName, pipeOwner } from "./owner-pipe.js";
import { pidOf, privateDirectory, privateDirectoryPath, SocketDirectory } from "./socket-directory.js";

/** How long a name that somebody listens at may take to answer. */
const ANSWER_MS = 2_000;
/** Times a claimant begins again, or looks again, before it gives up. */
const MAX_ROUNDS = 100;
/** Connections opened at once: each takes a file descriptor or two. */
const ASKED_AT_ONCE = 32;
/** Between two rounds, up to twice as long. */
const ROUND_MS = 10;

/**
 * Becomes the owner of a shard on this machine.
 *
 * @param shardDirectory is made when it is missing
 * @throws ConflictError when another process, or another thread of this one, is the owner; the message names the process
 * @throws StorageError when there can be no socket
 */
export async function claimOwnership(shardDirectory: string, options: ClaimOptions = {}): Promise<Ownership> {
  const path = await made(shardDirectory);
  const takeover = options.takeover ?? false;
  if (process.platform === "win32") return claimPipe(pipeName(path), path, options);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    options.signal?.throwIfAborted();
    const claimant = await Claimant.publish(path);
    try {
      if (await claimant.contend(takeover, options.signal)) return claimant;
    } catch (error) {
      await claimant.close();
      throw error;
    }
    await claimant.close();
    await sleep(pause());
  }
  throw new ConflictError(`other processes keep opening ${path}; try again later`);
}

/** Who owns the shard, undefined when nobody does. Removes names of the dead. */
export async function ownerOf(shardDirectory: string): Promise<Owner | undefined> {
  const path = await realpath(shardDirectory).catch(() => undefined);
  if (path === undefined) return undefined;
  if (process.platform === "win32") return pipeOwner(pipeName(path));
  for (const directory of [path, privateDirectoryPath(keyOf(path))]) {
    const owner = (await survey(new SocketDirectory(directory))).find(({ state }) => state === "owner");
    if (owner !== undefined) return owner.owner;
  }
  return undefined;
}

class Claimant implements Ownership {
  readonly #shard: string;
  readonly #directory: SocketDirectory;
  readonly #server: Server;
  readonly #name: string;
  readonly #hello: { -readonly [K in keyof Hello]: Hello[K] };

  private constructor(shard: string, directory: SocketDirectory, server: Server, name: string, hello: Hello) {
    this.#shard = shard;
    this.#directory = directory;
    this.#server = server;
    this.#name = name;
    this.#hello = hello;
  }

  /** Listens under a new name, in the shard's directory or, where that cannot hold sockets, in one of this user. */
  static async publish(shard: string): Promise<Claimant> {
    const hello: Hello = { pid: process.pid, state: "claiming", since: new Date().toISOString() };
    const listen = async (path: string): Promise<Claimant> => {
      const directory = new SocketDirectory(path);
      const server = createOwnerServer(
        () => hello,
        () => {},
      );
      return new Claimant(shard, directory, server, await directory.listen(server), hello);
    };
    try {
      return await listen(shard);
    } catch (first) {
      try {
        return await listen(await privateDirectory(keyOf(shard)));
      } catch {
        const message = first instanceof Error ? first.message : String(first);
        throw new StorageError(`cannot make a socket for the owner of ${shard}: ${message}`, { cause: first });
      }
    }
  }

  /** True when this claimant is the owner now, false when it must begin again. */
  async contend(takeover: boolean, signal: AbortSignal | undefined): Promise<boolean> {
    await this.#directory.tidy().catch(() => {});
    for (let round = 0; round < MAX_ROUNDS; round++) {
      signal?.throwIfAborted();
      const rivals = await survey(this.#directory, this.#name);
      const owner = rivals.find(({ state }) => state === "owner");
      if (owner !== undefined && !takeover) throw ownedBy(this.#shard, owner.owner);
      const claimants = rivals.filter(({ state }) => state === "claiming");
      if (claimants.length === 0) {
        this.#hello.state = "owner";
        for (const { name } of rivals) await this.#directory.remove(name);
        return true;
      }
      if (claimants.some(({ name }) => name < this.#name)) return false;
      await sleep(pause());
    }
    throw new ConflictError(`other processes keep opening ${this.#shard}; try again later`);
  }

  announce(epoch: number): void {
    this.#hello.epoch = epoch;
  }

  async close(): Promise<void> {
    this.#server.close();
    await this.#directory.remove(this.#name);
  }
}

interface Rival {
  readonly name: string;
  readonly state: OwnerState;
  readonly owner: Owner;
}

/** All who listen in the directory, except at the name given. */
async function survey(directory: SocketDirectory, except?: string): Promise<Rival[]> {
  const names = (await directory.names()).filter((name) => name !== except);
  const rivals: Rival[] = [];
  for (let i = 0; i < names.length; i += ASKED_AT_ONCE) {
    const some = names.slice(i, i + ASKED_AT_ONCE);
    const answers = await Promise.all(some.map((name) => directory.ask(name, ANSWER_MS)));
    for (const [j, name] of some.entries()) rivals.push(...rivalOf(name, answers[j]));
  }
  return rivals;
}

function rivalOf(name: string, answer: Answer | undefined): Rival[] {
  if (answer === undefined || answer.kind === "dead") return [];
  // Who does not answer may be an owner, so it is one.
  if (answer.kind === "silent") return [{ name, state: "owner", owner: { pid: pidOf(name), answers: false } }];
  const { state, ...told } = answer.hello;
  return [{ name, state, owner: { ...told, pid: pidOf(name), answers: true } }];
}

/** The real path of the directory, once it exists. */
async function made(directory: string): Promise<string> {
  try {
    await mkdir(directory, { recursive: true });
    return await realpath(directory);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new StorageError(`cannot make the directory of the shard: ${message}`, { cause: error });
  }
}

function keyOf(path: string): string {
  return createHash("sha256").update(path).digest("hex").slice(0, 32);
}

function pause(): number {
  return ROUND_MS * (1 + Math.random());
}
