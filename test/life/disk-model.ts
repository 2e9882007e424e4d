/**
 * A disk on which the events of a process are played again, and what is left of it when that ends after any of them.
 *
 * ```
 *   kill     everything that was done
 *   power    a loss of power: of each file the bytes of its last fsync, of each directory the names
 *   removed  the same, and whatever was removed is gone all the same, synced or not: the worst case for who removes too early
 * ```
 *
 * @module
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FileEvent } from "./file-history.js";

/** How the process ends. */
export const ENDINGS = ["kill", "power", "removed"] as const;
export type Ending = (typeof ENDINGS)[number];

/** What is left, by path relative to the root; undefined for a directory. */
export type Remains = ReadonlyMap<string, Buffer | undefined>;

class FileNode {
  bytes: Buffer = Buffer.alloc(0);
  /** As of the last fsync. */
  synced: Buffer = Buffer.alloc(0);
}

class DirectoryNode {
  /** Names for each way to end. */
  readonly names: Readonly<Record<Ending, Map<string, FileNode | DirectoryNode>>> = {
    kill: new Map(),
    power: new Map(),
    removed: new Map(),
  };
}

export class DiskModel {
  readonly #rootPath: string;
  readonly #root = new DirectoryNode();

  /** @param root a directory whose contents survive anything */
  constructor(root: string) {
    this.#rootPath = root;
    load(root, this.#root);
  }

  /** Does what the process did. Returns whether it was about something below the root. */
  apply(event: FileEvent): boolean {
    if (event.kind === "said" || !event.path.startsWith(`${this.#rootPath}/`)) return false;
    const { path } = event;
    switch (event.kind) {
      case "create": {
        const node = this.#find(path);
        if (node === undefined) this.#name(path, new FileNode());
        else if (event.truncated && node instanceof FileNode) node.bytes = Buffer.alloc(0);
        return node === undefined || event.truncated;
      }
      case "write": {
        const node = this.#find(path);
        if (!(node instanceof FileNode)) return false; // of no name any more
        const at = event.at ?? node.bytes.length;
        const bytes = Buffer.alloc(Math.max(node.bytes.length, at + event.bytes.length));
        node.bytes.copy(bytes);
        event.bytes.copy(bytes, at);
        node.bytes = bytes;
        return true;
      }
      case "mkdir":
        this.#name(path, new DirectoryNode());
        return true;
      case "link":
      case "rename": {
        const node = this.#find(event.from);
        if (node === undefined) return false; // a socket
        // First the new name: a name that is replaced is never missing.
        this.#name(path, node);
        if (event.kind === "rename") this.#remove(event.from);
        return true;
      }
      case "unlink":
      case "rmdir":
        return this.#remove(path);
      case "sync": {
        const node = this.#find(path);
        if (node instanceof FileNode) node.synced = node.bytes;
        else if (node instanceof DirectoryNode) {
          const { kill, power, removed } = node.names;
          for (const names of [power, removed]) {
            names.clear();
            for (const [name, child] of kill) names.set(name, child);
          }
        }
        return node !== undefined;
      }
    }
  }

  /** What is left when all ends now. */
  remains(ending: Ending): Remains {
    const found = new Map<string, Buffer | undefined>();
    const walk = (directory: DirectoryNode, prefix: string) => {
      for (const [name, node] of directory.names[ending]) {
        const path = `${prefix}${name}`;
        if (node instanceof FileNode) found.set(path, ending === "kill" ? node.bytes : node.synced);
        else {
          found.set(path, undefined);
          walk(node, `${path}/`);
        }
      }
    };
    walk(this.#root, "");
    return found;
  }

  #parent(path: string): { readonly parent: DirectoryNode; readonly name: string } {
    const parts = path.slice(this.#rootPath.length + 1).split("/");
    const name = parts.pop() ?? "";
    let parent = this.#root;
    for (const part of parts) {
      const next = parent.names.kill.get(part);
      if (!(next instanceof DirectoryNode)) throw new Error(`${path}: there is no directory ${part}`);
      parent = next;
    }
    return { parent, name };
  }

  #find(path: string): FileNode | DirectoryNode | undefined {
    if (path === this.#rootPath) return this.#root;
    try {
      const { parent, name } = this.#parent(path);
      return parent.names.kill.get(name);
    } catch {
      return undefined;
    }
  }

  #name(path: string, node: FileNode | DirectoryNode): void {
    const { parent, name } = this.#parent(path);
    parent.names.kill.set(name, node);
  }

  #remove(path: string): boolean {
    const { parent, name } = this.#parent(path);
    parent.names.removed.delete(name);
    return parent.names.kill.delete(name);
  }
}

/** Writes what is left into a directory. */
export function lay(remains: Remains, directory: string): void {
  mkdirSync(directory);
  for (const [path, bytes] of remains) {
    if (bytes === undefined) mkdirSync(join(directory, path));
    else writeFileSync(join(directory, path), bytes);
  }
}

/** Files and directories as they are on the real disk; sockets left out. */
export function readRemains(root: string): Remains {
  const found = new Map<string, Buffer | undefined>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found.set(path.slice(root.length + 1), readFileSync(path));
    else if (entry.isDirectory()) found.set(path.slice(root.length + 1), undefined);
  }
  return found;
}

function load(path: string, into: DirectoryNode): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const below = join(path, entry.name);
    let node: FileNode | DirectoryNode;
    if (entry.isDirectory()) {
      node = new DirectoryNode();
      load(below, node);
    } else if (entry.isFile()) {
      node = new FileNode();
      node.bytes = readFileSync(below);
      node.synced = node.bytes;
    } else continue;
    for (const ending of ENDINGS) into.names[ending].set(entry.name, node);
  }
}
