/**
 * Hears what the writers of a simulation are told, looks at what they hold, and holds both against the model.
 *
 * @module
 */
import { ConflictError, CorruptError, PennonError } from "../../src/errors.js";
import type { LoggedRow, Put } from "./history.js";
import { newestManifest } from "./log-view.js";
import { rowsOfStore } from "./rows.js";
import { nameOf, type SimulatedWriter, type WriterEvents } from "./simulated-writer.js";
import type { Stage } from "./stage.js";
import type { Troubles } from "./troubles.js";

export class Witness implements WriterEvents {
  readonly #stage: Stage;
  readonly #troubles: Troubles;
  /** Opened writers, in the order of their opening, the ended ones too. */
  readonly #opened: { readonly epoch: number; readonly writer: SimulatedWriter }[] = [];

  constructor(stage: Stage, troubles: Troubles) {
    this.#stage = stage;
    this.#troubles = troubles;
  }

  note(line: string): void {
    this.#stage.trace.note(line);
  }

  violation(message: string): void {
    this.#stage.violate(message);
  }

  opened(writer: SimulatedWriter): void {
    this.#stage.count("opened");
    this.#troubles.endAmbush();
    const open = writer.writer;
    if (open === undefined) return;
    if (this.#opened.some(({ epoch }) => epoch === open.epoch))
      this.#stage.violate(`two writers have epoch ${open.epoch}`);
    // Before anything else goes on: the counters and memtables are as the replay has left them.
    const counters = open.counters;
    this.#stage.check(() => this.#checkOpened(writer, counters));
  }

  openFailed(writer: SimulatedWriter, error: unknown): void {
    this.#troubles.endAmbush();
    this.#stage.history.gone(writer.name);
    this.#stage.count(`open: ${error instanceof Error ? error.name : "?"}`);
    if (!(error instanceof PennonError)) this.#stage.violate(`${writer.name}: open failed with ${nameOf(error)}`);
    if (error instanceof CorruptError) this.#troubles.onCorrupt(writer, error);
    else if (error instanceof ConflictError) this.conflict(writer, error);
    else if (!this.#stage.mayFail)
      this.#stage.violate(`${writer.name}: open failed without a reason: ${nameOf(error)}`);
  }

  acknowledged(writer: SimulatedWriter, put: Put): void {
    this.#stage.count(`acknowledged ${put.durability}`);
    if (put.durability === "memory") return;
    for (const { epoch, writer: newer } of this.#opened) {
      if (epoch > put.epoch && !newer.replayed.has(put)) {
        this.#stage.violate(`${writer.name} acknowledged put ${put.order}, which ${newer.name} has not replayed`);
      }
    }
    const problem = this.#stage.order.problemOf(writer.name, put.epoch);
    if (problem !== undefined) this.#stage.violate(`${writer.name} acknowledged put ${put.order}, ${problem}`);
    const entry = Number.parseInt(put.position?.slice(0, 16) ?? "", 16);
    this.#stage.check(() => this.#checkLogged(put, entry));
    if (put.durability !== "disk" || this.#stage.profile.world === "objects") return;
    const unsynced = this.#stage.world.unsyncedEntries().filter((position) => position <= entry);
    if (unsynced.length > 0) {
      this.#stage.violate(
        `${writer.name} acknowledged put ${put.order} in entry ${entry}; entries ${unsynced} are not durable`,
      );
    }
  }

  putFailed(error: unknown): void {
    this.#stage.count(`put: ${error instanceof Error ? error.name : "?"}`);
  }

  conflict(writer: SimulatedWriter, error: ConflictError): void {
    const epoch = writer.writer?.epoch;
    if (epoch === undefined) return;
    this.#stage.check(async () => {
      const newest = (await newestManifest(this.#stage.world.disk))?.writerEpoch ?? 0;
      if (newest <= epoch && this.#stage.intrusion?.victim !== writer)
        this.#stage.violate(`${writer.name} has the newest epoch and failed with ${nameOf(error)}`);
    });
  }

  failed(writer: SimulatedWriter, error: Error): void {
    this.#stage.count(`stopped: ${error.name}`);
    if (this.#stage.intrusion?.victim === writer) return;
    const fenced = error instanceof ConflictError || error.cause instanceof ConflictError;
    if (fenced) this.conflict(writer, new ConflictError(error.message));
    else if (!this.#stage.mayFail) this.#stage.violate(`${writer.name} stopped without a reason: ${nameOf(error)}`);
  }

  closed(writer: SimulatedWriter): void {
    this.#stage.count("closed");
    const unsynced = this.#stage.profile.world === "disk" ? this.#stage.world.unsyncedEntries() : [];
    const own = new Set(writer.writer?.memtables.flatMap(({ entries }) => entries.map(({ entry }) => entry)));
    const left = unsynced.filter((entry) => own.has(entry));
    if (left.length > 0) this.#stage.violate(`${writer.name} is closed; its entries ${left} are not durable`);
  }

  /** What a writer's own reads see: what was replayed, then its own puts, whole and in order. */
  async inspect(simulated: SimulatedWriter): Promise<void> {
    const { writer } = simulated;
    if (writer === undefined || writer.failure !== undefined) return;
    await this.#checkCursors(simulated);
    const rows = memtableRows(simulated, () => 1);
    // Where a row will be in the log, and under which epoch, is not seen here.
    const found = this.#rowsOf(rows, simulated.name);
    const own = found.filter((put) => put.writer === simulated.name);
    for (const put of this.#stage.history.puts) {
      if (put.writer !== simulated.name || put.rows === 0) continue;
      const seen = own.includes(put);
      if (put.outcome === "acknowledged" && !seen)
        this.#stage.violate(`${simulated.name} does not see its put ${put.order}`);
      if (put.outcome === "nothing" && seen) this.#stage.violate(`${simulated.name} sees its failed put ${put.order}`);
    }
    for (const put of simulated.replayed) {
      if (!found.includes(put)) this.#stage.violate(`${simulated.name} does not see the replayed put ${put.order}`);
    }
  }

  /** The durable cursors cover what is in the log and no more, and all that was acknowledged as being there. */
  async #checkCursors({ name, writer }: SimulatedWriter): Promise<void> {
    const { end } = await this.#stage.reader.read(this.#stage.world.disk);
    const acknowledged = this.#stage.history.puts.flatMap(({ writer, outcome, durability, position }) =>
      writer === name && outcome === "acknowledged" && durability !== "memory" ? (position ?? "") : [],
    );
    const last = Number.parseInt(acknowledged.sort().at(-1)?.slice(0, 16) ?? "0", 16);
    for (const { generation, store, entries } of writer?.memtables ?? []) {
      for (const { entry, to } of entries) {
        if (to <= store.durable && entry >= end)
          this.#stage.violate(`${name}: memtable ${generation} says that entry ${entry} is durable`);
        if (to > store.durable && entry <= last)
          this.#stage.violate(`${name}: memtable ${generation} says that entry ${entry} is not durable`);
      }
    }
  }

  /** The puts of these rows; each must be whole. */
  #rowsOf(rows: readonly LoggedRow[], where: string): Put[] {
    const byId = new Map(
      this.#stage.history.puts.flatMap((put) => (put.rows === 0 ? [] : [[put.first, put] as const])),
    );
    const found: Put[] = [];
    for (let i = 0; i < rows.length; ) {
      const put = byId.get(rows[i]?.id ?? -1);
      if (put === undefined || rows[i + put.rows - 1]?.id !== put.first + put.rows - 1) {
        this.#stage.violate(`${where}: row ${rows[i]?.id} does not begin a whole put`);
        return found;
      }
      found.push(put);
      i += put.rows;
    }
    return found;
  }

  /** What was acknowledged is where its caller was told. */
  async #checkLogged(put: Put, entry: number): Promise<void> {
    const rows = await this.#stage.reader.entry(this.#stage.world.disk, entry);
    const first = rows.findIndex(({ id }) => id === put.first);
    const found = first < 0 ? [] : rows.slice(first, first + put.rows);
    this.#stage.history.check(found, [put], `entry ${entry}`);
  }

  async #checkOpened(simulated: SimulatedWriter, counters: ReadonlyMap<string, bigint>): Promise<void> {
    const { writer } = simulated;
    if (writer === undefined) return;
    const { nextEntry } = writer.stats();
    const log = await this.#stage.reader.read(this.#stage.world.disk);
    const logged = log.rows.filter(({ entry }) => entry < nextEntry);
    const epochs = new Map(logged.map(({ entry, epoch }) => [entry, epoch]));
    const replayed = memtableRows(simulated, (entry) => epochs.get(entry) ?? 0);
    if (JSON.stringify(replayed) !== JSON.stringify(logged)) {
      this.#stage.violate(`${simulated.name} has replayed other rows than the log holds`);
      return;
    }
    const required = this.#stage.history.required().filter(({ epoch }) => epoch < writer.epoch);
    const found = this.#stage.history.check(replayed, required, `the replay of ${simulated.name}`);
    const expected = this.#stage.history.countersAfter(found);
    for (const [name, value] of [...expected, ...counters]) {
      if (counters.get(name) !== value || expected.get(name) !== value) {
        this.#stage.violate(`${simulated.name} has ${name} = ${counters.get(name)}; expected ${expected.get(name)}`);
      }
    }
    if (this.#stage.profile.world === "disk") {
      const unsynced = this.#stage.world.unsyncedEntries().filter((entry) => entry < nextEntry);
      if (unsynced.length > 0)
        this.#stage.violate(`${simulated.name} is open; the entries ${unsynced} are not durable`);
    }
    this.#stage.history.replayed(found);
    simulated.replayed = new Set(found);
    this.#opened.push({ epoch: writer.epoch, writer: simulated });
    this.#stage.recovering = false;
    this.#stage.damagedFrom = undefined;
  }
}

/** Rows in the memtables of a writer, in order, and where they are in the log. */
function memtableRows({ writer }: SimulatedWriter, epochOf: (entry: number) => number): LoggedRow[] {
  return (writer?.memtables ?? []).flatMap(({ store, entries }) =>
    rowsOfStore(store, (batch) => {
      const range = entries.find(({ from, to }) => batch >= from && batch < to);
      const entry = range?.entry ?? 0;
      return { entry, batch: batch - (range?.from ?? 0), epoch: epochOf(entry) };
    }),
  );
}
