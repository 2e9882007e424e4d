/**
 * Verifies a table with a log: every tier is read, and held against the others.
 *
 * In this order, each only where the one before leaves something to look at: manifests of each shard; log; SSTables with their sidecars;
 * directories that nothing refers to; the merge watermark; rows over all tiers. Nothing is changed. A writer may be at work: when the table
 * changes while its rows are compared, they are compared again.
 *
 * @module
 */
import { join } from "node:path";
import type { Schema } from "apache-arrow";
import { ConflictError } from "../errors.js";
import type { LanceDb } from "../lance/lancedb-module.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { memWalIndexOf } from "../lance/mem-wal-index.js";
import { MEM_WAL_DIRECTORY } from "../lance/names.js";
import type { ShardManifest } from "../lance/shard-manifest.js";
import { listSsTableDirectories } from "../lance/ss-table-files.js";
import { LocalStore } from "../storage/local-store.js";
import { ADVICE, type Finding, type VerifyProgress } from "./verify-findings.js";
import { verifyLog } from "./verify-log.js";
import { verifyManifests } from "./verify-manifests.js";
import { planRows, verifyRows } from "./verify-rows.js";
import { type SsTableChecks, verifySsTable } from "./verify-ss-table.js";

export interface VerifyOptions {
  readonly lancedb: LanceDb;
  /** `<database>/<table>.lance` */
  readonly tableDirectory: string;
  /** UUIDs of the shards. */
  readonly shardIds: readonly string[];
  /** The storage schema. */
  readonly schema: Schema;
  readonly primaryKey: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Called now and then. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

/** Times the rows are compared while others change the table. */
const MAX_TRIES = 3;

/**
 * What is wrong with a table, in the order in which it is found; nothing when all is well.
 *
 * @throws what the storage and LanceDB throw when not even that can be told; the signal's reason
 */
export async function* verifyTable(options: VerifyOptions): AsyncGenerator<Finding, void, undefined> {
  const verifier = new Verifier(options);
  let sound = true;
  for (const id of options.shardIds) {
    for await (const finding of verifier.shard(id)) {
      sound &&= finding.severity === "warning";
      yield finding;
    }
  }
  // Rows of broken tiers cannot be compared; several shards share no keys, and one of them cannot be told from another here.
  if (sound && options.shardIds.length <= 1) yield* verifier.rows(options.shardIds[0]);
}

class Verifier {
  readonly #options: VerifyOptions;
  readonly #checks: SsTableChecks;
  #stage = "";
  #rows = 0;
  #totalRows: number | undefined;

  constructor(options: VerifyOptions) {
    this.#options = options;
    const { lancedb, schema, primaryKey, signal } = options;
    this.#checks = { lancedb, schema, primaryKey, signal, onRows: (rows) => this.#advance(rows) };
  }

  async *shard(id: string): AsyncGenerator<Finding, void, undefined> {
    const { tableDirectory, signal } = this.#options;
    const shard = `${MEM_WAL_DIRECTORY}/${id}`;
    const directory = join(tableDirectory, MEM_WAL_DIRECTORY, id);
    const store = new LocalStore(directory);
    try {
      this.#begin("manifests");
      let broken = false;
      for await (const finding of verifyManifests(store, shard, signal)) {
        broken ||= finding.severity === "error";
        yield finding;
      }
      // Which log and which SSTables there are is what the newest manifest says.
      const manifest = broken ? undefined : await new ManifestStore(store, id).load();
      if (manifest === undefined) return;
      this.#begin("log");
      yield* await this.#log(store, id, shard, manifest);
      yield* this.#watermark(id, shard, manifest);
      for (const table of manifest.ssTables) {
        this.#begin(`SSTable ${table.generation}`);
        yield* verifySsTable(join(directory, table.path), `${shard}/${table.path}`, table, this.#checks);
      }
      const listed = new Set(manifest.ssTables.map(({ path }) => path));
      for (const name of await listSsTableDirectories(directory)) {
        if (listed.has(name)) continue;
        const problem = "it is not listed in the manifest: being written, dropped, or left behind by a crash";
        yield { severity: "warning", file: `${shard}/${name}`, problem, advice: ADVICE.collect };
      }
    } finally {
      await store.close();
    }
  }

  /** What is covered while the log is read may be removed, and then is not missing. */
  async #log(store: LocalStore, id: string, shard: string, manifest: ShardManifest): Promise<Finding[]> {
    const { schema, signal } = this.#options;
    let known = manifest;
    for (let tries = 1; ; tries++) {
      const findings: Finding[] = [];
      for await (const finding of verifyLog(store, shard, known, schema, signal)) findings.push(finding);
      if (findings.length === 0 || tries === MAX_TRIES) return findings;
      const now = (await new ManifestStore(store, id).load()) ?? known;
      if (now.replayAfter === known.replayAfter) return findings;
      known = now;
    }
  }

  async *#watermark(id: string, shard: string, manifest: ShardManifest): AsyncGenerator<Finding, void, undefined> {
    const { merged, version } = await this.#merged(id);
    if (merged < manifest.currentGeneration) return;
    const problem = `version ${version} of the base table says that SSTables up to ${merged} are merged, and the next one of ${shard} is ${manifest.currentGeneration}: later ones would be passed over`;
    yield { severity: "error", file: "_versions", problem, advice: ADVICE.restore };
  }

  /** Compares the rows of all tiers. */
  async *rows(id: string | undefined): AsyncGenerator<Finding, void, undefined> {
    for (let tries = 1; ; tries++) {
      const before = await this.#state(id);
      const findings: Finding[] = [];
      const { rows, parts } = await planRows(before.tiers);
      this.#begin("rows", 2 * rows * parts);
      for await (const finding of verifyRows(before.tiers, parts, this.#checks)) findings.push(finding);
      const after = await this.#state(id);
      if (findings.length === 0 || before.key === after.key) {
        yield* findings;
        return;
      }
      if (tries === MAX_TRIES) {
        throw new ConflictError(
          `${this.#options.tableDirectory} was changed each of ${tries} times that its rows were compared; verify it again when less is written`,
        );
      }
    }
  }

  async #state(id: string | undefined) {
    const { tableDirectory } = this.#options;
    const { merged, version } = await this.#merged(id ?? "");
    if (id === undefined) return { key: `${version}`, tiers: { tableDirectory, ssTables: [] } };
    const directory = join(tableDirectory, MEM_WAL_DIRECTORY, id);
    const store = new LocalStore(directory);
    try {
      const manifest = await new ManifestStore(store, id).load();
      const unmerged = manifest?.ssTables.filter(({ generation }) => generation > merged) ?? [];
      const ssTables = unmerged.map(({ path }) => join(directory, path)).reverse();
      return { key: `${version} ${manifest?.version}`, tiers: { tableDirectory, ssTables } };
    } finally {
      await store.close();
    }
  }

  /** Newest generation of the shard that is merged, and the version of the base table that says so. */
  async #merged(id: string): Promise<{ readonly merged: number; readonly version: number }> {
    const table = new LocalStore(this.#options.tableDirectory);
    try {
      const index = await memWalIndexOf(table);
      const merged = index?.compacted.find(({ shardId }) => shardId === id)?.generation ?? 0;
      return { merged, version: index?.tableVersion ?? 0 };
    } finally {
      await table.close();
    }
  }

  #begin(stage: string, totalRows?: number): void {
    this.#options.signal?.throwIfAborted();
    this.#stage = stage;
    this.#rows = 0;
    this.#totalRows = totalRows;
    this.#advance(0);
  }

  #advance(rows: number): void {
    this.#rows += rows;
    this.#options.onProgress?.({ stage: this.#stage, rows: this.#rows, totalRows: this.#totalRows });
  }
}
