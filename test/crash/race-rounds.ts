/**
 * Rounds in which processes take a shard over from each other, while they are stopped for a while at random instants.
 *
 * @module
 */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { parsePosition } from "../../src/writer/position.js";
import { Random } from "../arrow-random-data.js";
import { mix } from "../stress/run.js";
import { straced } from "./strace.js";
import { Told } from "./told.js";
import { MEMTABLE_BYTES, verifyShard } from "./verify-shard.js";
import { bundlePrograms, type Programs, WriterProcess } from "./writer-process.js";

/** Rounds on one log; then another is begun, as all of it is replayed each time. */
const ROUNDS_OF_A_LOG = 20;
/** More than any writer gets done before the next one comes. */
const PUTS = 100_000;
const CALLERS = [
  { caller: 0, outstanding: 1 },
  { caller: 1, outstanding: 6 },
];
const PRODUCER_CALLERS = [{ caller: 2, outstanding: 4 }];
/** Errors of the puts and of the end of a writer that was fenced, and of an open that was overtaken. */
const FENCED = new Set(["Conflict", "OutcomeUnknown"]);

/** What has happened, for a test to be sure that something has. */
export interface RaceSummary {
  rounds: number;
  acknowledged: number;
  /** Acknowledgements heard after a newer writer's open had resolved. */
  late: number;
  /** Writers that ended with each code. */
  ends: Record<string, number>;
  /** Opens that failed, as another process claimed meanwhile. */
  overtaken: number;
}

/** A process, and what is known of it. */
interface Rival {
  readonly run: number;
  readonly told: Told;
  readonly process: WriterProcess;
  opened?: Opened;
  /** Acknowledgements heard from it when a newer writer's open had resolved. */
  heard?: number;
}

interface Opened {
  readonly epoch: number;
  /** Of each caller, the number of its last put in the replay. */
  readonly held: Readonly<Record<string, number>>;
}

/** @param traced whether every other writer waits between write and link, which takes a tracer */
export async function raceRounds(seed: number, rounds: number, traced: boolean): Promise<RaceSummary> {
  const programs = await bundlePrograms();
  const summary: RaceSummary = { rounds, acknowledged: 0, late: 0, ends: {}, overtaken: 0 };
  for (let first = 0; first < rounds; first += ROUNDS_OF_A_LOG) {
    const race = new Race(programs, mix(seed, first), traced, summary);
    await race.run(Math.min(ROUNDS_OF_A_LOG, rounds - first));
  }
  return summary;
}

class Race {
  readonly #programs: Programs;
  readonly #random: Random;
  readonly #seed: number;
  readonly #traced: boolean;
  readonly #summary: RaceSummary;
  readonly #directory = mkdtempSync(join(tmpdir(), "pennon-race-"));
  readonly #rivals: Rival[] = [];

  constructor(programs: Programs, seed: number, traced: boolean, summary: RaceSummary) {
    this.#programs = programs;
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#traced = traced;
    this.#summary = summary;
  }

  async run(rounds: number): Promise<void> {
    try {
      let live: readonly Rival[] = [];
      for (let round = 0; round < rounds; round++) live = await this.#round(live);
      for (const { process } of live) {
        process.signal("SIGKILL");
        await process.ended();
      }
      await this.#judge();
    } finally {
      for (const { process } of this.#rivals) await process.destroy();
      await rm(this.#directory, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  /** Starts one process or two, has some stop for a while, and waits until all but the newest have ended. */
  async #round(old: readonly Rival[]): Promise<readonly Rival[]> {
    const challengers = Array.from({ length: this.#random.chance(0.2) ? 2 : 1 }, () => this.#start());
    const pauses = [...old, ...challengers].map((rival) => this.#pause(rival));
    for (const challenger of challengers) {
      const line = await challenger.process.line("opened", "ended");
      if (line?.startsWith("opened ")) challenger.opened = JSON.parse(line.slice("opened ".length));
      else this.#summary.overtaken++;
    }
    await Promise.all(pauses);
    for (const rival of old) rival.heard = rival.told.acknowledged.length;
    const opened = [...old, ...challengers].filter((rival) => rival.opened !== undefined);
    const epoch = Math.max(...opened.map((rival) => rival.opened?.epoch ?? 0));
    for (const rival of [...old, ...challengers]) if (rival.opened?.epoch !== epoch) await this.#end(rival);
    const newest = opened.filter((rival) => rival.opened?.epoch === epoch);
    if (newest.length !== 1) throw new Error(`${newest.length} processes have epoch ${epoch}`);
    await newest[0]?.process.linesOf(5 + this.#random.below(25), ["ack", "fail"]);
    return newest;
  }

  #start(): Rival {
    const run = this.#rivals.length;
    const told = new Told();
    const process = new WriterProcess(
      this.#programs.writer,
      {
        directory: this.#directory,
        shardId: UNSHARDED_SHARD_ID,
        seed: this.#seed,
        run,
        memtableBytes: MEMTABLE_BYTES,
        callers: CALLERS,
        producer: { path: this.#programs.producer, callers: PRODUCER_CALLERS },
        puts: PUTS,
      },
      told,
      this.#wrapper(),
    );
    const rival: Rival = { run, told, process };
    this.#rivals.push(rival);
    return rival;
  }

  /** Some writers wait before they give a file its name: entries, sentinels and manifests. */
  #wrapper(): string[] {
    if (!this.#traced || this.#random.chance(0.5)) return [];
    const delayUs = 1_000 * (1 + this.#random.below(60));
    const when = `${1 + this.#random.below(30)}+${3 + this.#random.below(20)}`;
    const calls = ["link", "linkat"];
    return straced({ calls, injections: [`${calls}:delay_enter=${delayUs}:when=${when}`] });
  }

  /** Stops the process for a while, at a random instant while another one opens. */
  async #pause({ process }: Rival): Promise<void> {
    if (this.#random.chance(0.4)) return;
    const [beforeMs, forMs] = [this.#random.below(300), this.#random.below(200)];
    await process.line("opening");
    await sleep(beforeMs);
    process.signal("SIGSTOP");
    await sleep(forMs);
    process.signal("SIGCONT");
  }

  /** A writer that was fenced ends by itself, without an error that says anything else. */
  async #end({ process, run, told }: Rival): Promise<void> {
    const { code, signal } = await process.ended();
    const last = process.lines.at(-1) ?? "";
    const word = last.replace("ended ", "");
    if (code !== 0 || signal !== null || !FENCED.has(word)) {
      throw new Error(`process ${run} ended with ${code ?? signal} and "${last}": ${process.stderr}`);
    }
    for (const [put, failure] of told.failed) {
      if (!FENCED.has(failure)) throw new Error(`put ${put} of a fenced writer failed with ${failure}`);
    }
    this.#summary.ends[word] = (this.#summary.ends[word] ?? 0) + 1;
  }

  async #judge(): Promise<void> {
    this.#assertReplayed();
    this.#assertOnePerEntry();
    const all = new Told();
    for (const { told, process, heard } of this.#rivals) {
      if (process.stderr !== "") throw new Error(`a process said: ${process.stderr}`);
      all.acknowledged.push(...told.acknowledged);
      if (heard !== undefined) this.#summary.late += told.acknowledged.length - heard;
      for (const [put, code] of told.failed) all.failed.set(put, code);
    }
    this.#summary.acknowledged += all.acknowledged.length;
    await verifyShard(this.#directory, all, this.#seed);
  }

  /** Whatever a writer has acknowledged, whenever it did, every later one has replayed. */
  #assertReplayed(): void {
    for (const older of this.#rivals) {
      for (const newer of this.#rivals) {
        if (older.opened === undefined || newer.opened === undefined) continue;
        const { epoch, held } = newer.opened;
        if (older.opened.epoch >= epoch) continue;
        for (const { caller, number, durability, position } of older.told.acknowledged) {
          if (durability === "memory" || number <= (held[caller] ?? -1)) continue;
          throw new Error(
            `put ${number} of ${caller} was acknowledged (${durability}) at ${position} in epoch ${older.opened.epoch}, and epoch ${epoch} has not replayed it`,
          );
        }
      }
    }
  }

  #assertOnePerEntry(): void {
    const owners = new Map<number, number>();
    for (const { run, told } of this.#rivals) {
      for (const { position, durability } of told.acknowledged) {
        if (durability === "memory") continue;
        const { entry } = parsePosition(position);
        const owner = owners.get(entry) ?? run;
        if (owner !== run) throw new Error(`entry ${entry} was acknowledged by processes ${owner} and ${run}`);
        owners.set(entry, run);
      }
    }
  }
}
