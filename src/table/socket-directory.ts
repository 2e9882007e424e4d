/**
 * A directory of local sockets: listening and asking under names in it, whatever the length of its path.
 *
 * The system takes paths of at most 103 (macOS) or 107 bytes for a socket, and those of tables are longer. A longer one is reached through
 * a short one for the same directory: `/proc/self/fd/<n>` on Linux, elsewhere a symbolic link that exists for as long as the call.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, mkdtemp, open, readdir, rename, rm, stat, symlink, unlink } from "node:fs/promises";
import type { Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StorageError } from "../errors.js";
import { type Answer, askOwner } from "./owner-hello.js";

const MAX_PATH_BYTES = 100;
/** Names looked at; more is a directory that is not ours. */
const MAX_NAMES = 4_096;
const NAME = /^owner-(\d+)-[0-9a-f]{8}\.sock$/;
const TEMPORARY = /^\.owner-\d+-[0-9a-f]{8}\.tmp$/;
/** A temporary name older than this was left by a process that ended in between. */
const TEMPORARY_MS = 60_000;
/** Times one is asked that hangs up, and the time between. */
const MAX_ASKS = 5;
const ASK_AGAIN_MS = 20;
/** Where short links are made, and sockets that the directory's own file system cannot hold. */
const TEMPORARY_ROOT = "/tmp";

export class SocketDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The names in use here, in the order of their bytes; none when there is no such directory. */
  async names(): Promise<string[]> {
    const found = (await readdir(this.path).catch(() => [])).filter((name) => NAME.test(name));
    if (found.length > MAX_NAMES) throw new StorageError(`${this.path} has ${found.length} sockets; expected a few`);
    return found.sort();
  }

  /**
   * Lets `server` listen under a new name, and returns the name. It appears when the server listens already, so that whoever finds a
   * name nobody listens at knows that its owner is dead; and no name is ever used twice, so that a dead one can be removed by anybody.
   */
  async listen(server: Server): Promise<string> {
    const stem = `owner-${process.pid}-${randomBytes(4).toString("hex")}`;
    const temporary = `.${stem}.tmp`;
    const name = `${stem}.sock`;
    await this.#short(temporary, (path) => listening(server, path));
    try {
      await chmod(join(this.path, temporary), 0o600);
      await rename(join(this.path, temporary), join(this.path, name));
    } catch (error) {
      server.close();
      await this.remove(temporary);
      throw error;
    }
    return name;
  }

  /** Asks who is behind a name; one that nobody is behind is removed. */
  async ask(name: string, timeoutMs: number): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#short(name, (path) => askOwner(path, { timeoutMs }));
      if (answer.kind === "dead") await this.remove(name);
      // It hung up because it is closing, or has too many askers: both pass.
      if (answer.kind !== "silent" || !answer.hungUp || attempt === MAX_ASKS) return answer;
      await sleep(ASK_AGAIN_MS);
    }
  }

  async remove(name: string): Promise<void> {
    await unlink(join(this.path, name)).catch(() => {}); // somebody else did, or it is in nobody's way
  }

  /** Removes what processes left that ended while they were about to listen. */
  async tidy(): Promise<void> {
    for (const name of await readdir(this.path)) {
      if (!TEMPORARY.test(name)) continue;
      const known = await stat(join(this.path, name)).catch(() => undefined);
      if (known !== undefined && Date.now() - known.mtimeMs > TEMPORARY_MS) await this.remove(name);
    }
  }

  /** Calls with a path for `name` that a socket can have. */
  async #short<T>(name: string, use: (path: string) => Promise<T>): Promise<T> {
    const direct = join(this.path, name);
    if (Buffer.byteLength(direct) <= MAX_PATH_BYTES) return use(direct);
    if ((await stat("/proc/self/fd").catch(() => undefined)) !== undefined) {
      const directory = await open(this.path, "r");
      try {
        return await use(`/proc/self/fd/${directory.fd}/${name}`);
      } finally {
        await directory.close();
      }
    }
    const folder = await mkdtemp(join(TEMPORARY_ROOT, "pennon-"));
    try {
      await symlink(this.path, join(folder, "d"));
      return await use(join(folder, "d", name));
    } finally {
      await rm(folder, { recursive: true, force: true }); // the link, not what it leads to
    }
  }
}

/** The process that a name was made by. */
export function pidOf(name: string): number {
  return Number(NAME.exec(name)?.[1] ?? 0);
}

/**
 * A directory that only this user can write to, for the sockets of a directory whose file system has none: the same for all processes
 * of this user on this machine.
 *
 * @param key names it
 */
export async function privateDirectory(key: string): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const own = join(TEMPORARY_ROOT, `pennon-${uid}`);
  await mkdir(own, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const known = await lstat(own);
  if (!known.isDirectory() || known.uid !== uid || (known.mode & 0o022) !== 0) {
    throw new StorageError(`${own} is not a directory of this user alone; remove it`);
  }
  const directory = join(own, key);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** Where {@link privateDirectory} is, whether it exists or not. */
export function privateDirectoryPath(key: string): string {
  return join(TEMPORARY_ROOT, `pennon-${process.getuid?.() ?? 0}`, key);
}

/** Listens at `path`, in this process and not in a cluster's primary. */
export function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path, exclusive: true }, () => {
      server.off("error", reject);
      server.on("error", () => {}); // an asker that could not be accepted asks again
      resolve();
    });
  });
}
