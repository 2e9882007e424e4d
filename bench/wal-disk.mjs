/**
 * The disk that the log is measured on: fresh directories under one temporary root, all of them removed at the very end.
 *
 * The root is made in the directory that PENNON_BENCH_DIR names, else in the system's temporary directory; that one is passed over for the
 * repository's own disk when it is memory. Files are removed last and in portions, because a mass deletion makes creating files slow
 * for about a minute (ext4).
 */
// @ts-check
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cachePath } from "../scripts/paths.mjs";

const MEMORY = new Set(["tmpfs", "ramfs"]);
const PORTION = 200;
const PAUSE_MS = 100;
/** Exit code of a process that was interrupted. */
const INTERRUPTED = 130;
const WRITTEN_AT_ONCE = 2 ** 23;
/** Paths a `dd` loop is given at once. */
const EVICTED_AT_ONCE = 500;
/** What to run for each file whose pages are to leave the cache; the coreutils manual names this very command. */
const EVICT = 'for file; do dd of="$file" oflag=nocache conv=notrunc,fdatasync count=0 status=none || exit 1; done';

export class BenchDisk {
  /** @type {string | undefined} */
  #root;
  #directories = 0;

  /** The temporary root; it is made when first asked for, and what it lies on is said. */
  get root() {
    if (this.#root === undefined) {
      const parent = parentDirectory();
      mkdirSync(parent, { recursive: true });
      const root = mkdtempSync(join(realpathSync(parent), "pennon-bench-"));
      this.#root = root;
      process.once("SIGINT", () => {
        rmSync(root, { recursive: true, force: true });
        process.exit(INTERRUPTED);
      });
      const type = fileSystem(root);
      console.error(
        `disk: ${type} at ${parent}${MEMORY.has(type) ? ", which is memory: figures of durable writes mean nothing" : ""}`,
      );
    }
    return this.#root;
  }

  /**
   * A new, empty directory.
   *
   * @param {string} name
   */
  fresh(name) {
    this.#directories++;
    const directory = join(this.root, `${this.#directories}-${name}`);
    mkdirSync(directory);
    return directory;
  }

  /** Has the system write what it still holds back, so that what one side left unwritten does not slow down the next. */
  settle() {
    spawnSync("sync", ["-f", this.root], { stdio: "ignore" });
  }

  /**
   * Settles, and then has the system use as much memory for a file and drop it, so that it has that much at hand. In a virtual machine,
   * memory that the host has not given it yet costs several times as much when first used, for files and for processes.
   *
   * @param {number} bytes
   */
  ready(bytes) {
    this.settle();
    const path = join(this.root, "ready");
    const file = openSync(path, "wx");
    unlinkSync(path); // at once, so that nothing of it is ever written
    const data = new Uint8Array(WRITTEN_AT_ONCE).fill(1);
    for (let at = 0; at < bytes; ) at += writeSync(file, data, 0, Math.min(data.byteLength, bytes - at));
    closeSync(file);
  }

  /**
   * Drops the pages of these files from the page cache.
   *
   * @param {readonly string[]} paths
   * @returns {boolean} false where this cannot be done (no GNU dd): the files stay cached
   */
  evict(paths) {
    for (let start = 0; start < paths.length; start += EVICTED_AT_ONCE) {
      const files = paths.slice(start, start + EVICTED_AT_ONCE);
      if (spawnSync("sh", ["-c", EVICT, "sh", ...files], { stdio: "ignore" }).status !== 0) return false;
    }
    return true;
  }

  /** Removes everything, a portion at a time. */
  async remove() {
    if (this.#root === undefined) return;
    const files = readdirSync(this.#root, { recursive: true, withFileTypes: true }).filter(
      (entry) => !entry.isDirectory(),
    );
    for (let start = 0; start < files.length; start += PORTION) {
      if (start > 0) await sleep(PAUSE_MS);
      for (const { parentPath, name } of files.slice(start, start + PORTION)) unlinkSync(join(parentPath, name));
    }
    rmSync(this.#root, { recursive: true, force: true });
    this.#root = undefined;
  }
}

function parentDirectory() {
  const named = process.env["PENNON_BENCH_DIR"];
  if (named !== undefined && named !== "") return named;
  const system = tmpdir();
  return MEMORY.has(fileSystem(realpathSync(system))) ? cachePath : system;
}

/**
 * The type of the file system that holds `path`, as Linux calls it.
 *
 * @param {string} path absolute, without symbolic links
 */
function fileSystem(path) {
  if (!existsSync("/proc/self/mountinfo")) return "a file system of unknown type";
  let longest = "";
  let type = "unknown";
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const [mount = "", source = ""] = line.split(" - ");
    const point = mount.split(" ")[4] ?? "";
    const holds = path === point || path.startsWith(point.endsWith("/") ? point : `${point}/`);
    // Of several mounts on one point the last one is seen.
    if (point !== "" && holds && point.length >= longest.length) {
      longest = point;
      type = source.split(" ")[0] ?? type;
    }
  }
  return type;
}
