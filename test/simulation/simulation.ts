/**
 * A simulation: writers that take the shard over from each other, readers, and somebody who changes the manifest, over one store that
 * fails, in an order that is drawn. After each step what can be known by then is held against the plain model of `history.ts`.
 *
 * All that happens follows from the seed: a failing one fails again, in the same way.
 *
 * @module
 */
import { ConflictError } from "../../src/errors.js";
import { ManifestStore } from "../../src/lance/manifest-store.js";
import { mix } from "../stress/run.js";
import { pick } from "./profile.js";
import { drawPut } from "./puts.js";
import { nameOf, SHARD_ID, SimulatedWriter } from "./simulated-writer.js";
import { Stage } from "./stage.js";
import type { Trace } from "./trace.js";
import { Troubles } from "./troubles.js";
import { Witness } from "./witness.js";

/** How a simulation is run. */
export interface SimulationOptions {
  /** Things that happen before the end is prepared. @default 400 */
  readonly turns?: number;
  /** Lines of the trace that a violation shows. @default 0 */
  readonly traceLines?: number;
  /** Lose an acknowledged row on purpose, which must be found. @default false */
  readonly sabotage?: boolean;
}

/** What came of a simulation. */
export interface SimulationResult {
  /** Of all that happened: the same for the same seed. */
  readonly hash: number;
  readonly events: number;
  readonly tally: Readonly<Record<string, number>>;
}

const MAX_WRITERS = 3;
const MOST_AT_ONCE = 16;
/** Steps in which everything must come to an end once nothing fails any more. */
const MAX_LAST_STEPS = 20_000;

/**
 * @throws Error with the seed and the trace's last lines, when something happened that must not
 */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
  const simulation = new Simulation(seed, options);
  try {
    return await simulation.run();
  } catch (cause) {
    const trace = simulation.trace.lines.map((line) => `  ${line}`).join("\n");
    throw new Error(
      `${cause instanceof Error ? cause.message : String(cause)}\nReplay it with PENNON_SEED=${seed} npx vitest run test/simulation\n${trace}`,
      { cause },
    );
  }
}

class Simulation {
  readonly #stage: Stage;
  readonly #troubles: Troubles;
  readonly #witness: Witness;
  readonly #turns: number;
  readonly #isSabotaged: boolean;

  constructor(seed: number, { turns = 400, traceLines = 0, sabotage = false }: SimulationOptions) {
    this.#stage = new Stage(seed, traceLines);
    this.#troubles = new Troubles(this.#stage, () => this.#openWriter());
    this.#witness = new Witness(this.#stage, this.#troubles);
    this.#turns = turns;
    this.#isSabotaged = sabotage;
  }

  get trace(): Trace {
    return this.#stage.trace;
  }

  async run(): Promise<SimulationResult> {
    for (let turn = 0; turn < this.#turns; turn++) {
      await this.#stage.settle();
      await this.#act();
    }
    await this.#end();
    const { hash, events } = this.trace;
    return { hash, events, tally: this.#stage.tally };
  }

  async #act(): Promise<void> {
    await this.#troubles.endIntrusion(false);
    const { weights } = this.#stage.profile;
    const living = this.#stage.living;
    const open = living.filter(({ state }) => state === "open");
    const stopped = open.filter(({ writer }) => writer?.failure !== undefined);
    const abortable = open.flatMap((writer) => writer.abortable);
    const alone = this.#stage.recovering || this.#stage.intrusion !== undefined;
    const mayOpen = alone ? living.length === 0 : living.length < MAX_WRITERS;
    const choices: [number, () => void | Promise<void>][] = [
      [this.#stage.scheduler.choices > 0 ? 10 : 0, () => void this.#stage.scheduler.advance()],
      [open.length > 0 ? weights.put : 0, () => this.#put(pick(this.#stage.random, open))],
      [open.length > 0 ? weights.burst : 0, () => this.#put(pick(this.#stage.random, open), MOST_AT_ONCE)],
      [abortable.length > 0 ? weights.abort : 0, () => pick(this.#stage.random, abortable).abort(new Error("aborted"))],
      [living.length > 0 ? weights.crash : 0, () => this.#troubles.crash(this.#troubles.victim(living))],
      [living.length > 0 && !alone ? weights.ambush : 0, () => this.#troubles.ambush(living)],
      [alone ? 0 : weights.intrude * this.#troubles.exposure(living), () => this.#troubles.intrude(living)],
      [living.length > 0 ? weights.powerLoss : 0, () => this.#troubles.losePower()],
      [mayOpen ? (living.length === 0 ? 10 : weights.rival) : 0, () => this.#openWriter()],
      [open.length > 0 ? weights.close : 0, () => pick(this.#stage.random, open).close()],
      [stopped.length > 0 ? 4 : 0, () => pick(this.#stage.random, stopped).close()],
      [
        living.length > 0 ? weights.pause : 0,
        () => this.#troubles.pause(pick(this.#stage.random, living), 1 + this.#stage.random.below(60)),
      ],
      [!alone && this.#stage.reads < 2 ? weights.read : 0, () => this.#read()],
      [open.length > 0 ? weights.commit : 0, () => this.#commit()],
      [open.length > 0 ? weights.inspect : 0, () => this.#witness.inspect(pick(this.#stage.random, open))],
    ];
    const total = choices.reduce((sum, [weight]) => sum + weight, 0);
    let drawn = (this.#stage.random.uint32() / 2 ** 32) * total;
    for (const [weight, action] of choices) {
      drawn -= weight;
      if (weight > 0 && drawn < 0) {
        await action();
        return;
      }
    }
  }

  #put(writer: SimulatedWriter, most = 1): void {
    const { random, profile, history } = this.#stage;
    for (let puts = 1 + random.below(most); puts > 0; puts--) {
      this.#stage.count("put");
      writer.put(drawPut(random, profile, history));
    }
  }

  #openWriter(): SimulatedWriter {
    const name = this.#stage.nextActor("w");
    const writer = new SimulatedWriter(name, this.#stage.history, this.#witness);
    this.#stage.writers.push(writer);
    this.#stage.trace.note(`${name}: open`);
    const id = mix(this.#stage.writers.length, this.#stage.random.uint32()).toString(16).padStart(32, "0");
    writer.open(
      this.#stage.world.storeOf(name, true),
      this.#stage.scheduler.timersOf(name),
      id,
      this.#stage.profile.settings,
    );
    return writer;
  }

  #read(): void {
    this.#stage.count("read");
    this.#stage.reads++;
    const outages = this.#stage.outages;
    const required = this.#stage.history.required();
    this.#stage.reader
      .read(this.#stage.world.storeOf(this.#stage.nextActor("r"), false))
      .then(({ rows }) => {
        if (outages !== this.#stage.outages) return;
        this.#stage.reads--;
        this.#stage.history.check(rows, required, "the log, to a reader,");
      })
      .catch((error: unknown) => this.#stage.violate(nameOf(error)));
  }

  /** Writes a manifest of the same epoch, as somebody who collects SSTables would. */
  #commit(): void {
    this.#stage.count("commit");
    const actor = this.#stage.nextActor("c");
    const outages = this.#stage.outages;
    new ManifestStore(this.#stage.world.storeOf(actor, false), SHARD_ID)
      .commit((current) => {
        if (current === undefined) throw new Error("there is no manifest");
        return { ...current, currentGeneration: current.currentGeneration + 1 };
      })
      .catch((error: unknown) => {
        if (outages === this.#stage.outages && !(error instanceof ConflictError))
          this.#stage.violate(`${actor}: ${nameOf(error)}`);
      });
  }

  /** Nothing fails any more: everything comes to an end, and what was promised is there. */
  async #end(): Promise<void> {
    this.#stage.trace.note("the end");
    await this.#troubles.endIntrusion(true);
    this.#stage.world.heal();
    this.#stage.scheduler.resumeAll();
    await this.#runOut();
    for (const writer of this.#stage.writers) {
      if (writer.pending > 0) this.#stage.violate(`${writer.pending} puts of ${writer.name} never settle`);
      if (writer.state === "open") writer.close();
    }
    await this.#runOut();
    for (const { name, state } of this.#stage.writers)
      if (state !== "ended") this.#stage.violate(`${name} never closes`);
    await this.#reopen();
    await this.#troubles.losePower("lost");
    await this.#reopen();
    const { rows } = await this.#stage.reader.read(this.#stage.world.disk);
    const kept = this.#isSabotaged ? rows.slice(0, -1) : rows;
    this.#stage.history.check(kept, this.#stage.history.required(), "the log at the end");
    await this.#stage.settle();
  }

  async #reopen(): Promise<void> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const writer = this.#openWriter();
      await this.#runOut();
      if (writer.state !== "open") continue;
      this.#put(writer);
      await this.#runOut();
      writer.close();
      await this.#runOut();
      return;
    }
    throw new Error("the shard cannot be opened any more");
  }

  async #runOut(): Promise<void> {
    await this.#stage.settle();
    for (let step = 0; this.#stage.scheduler.advance(); step++) {
      if (step >= MAX_LAST_STEPS) throw new Error(`the actors go on for ${MAX_LAST_STEPS} steps`);
      await this.#stage.settle();
    }
  }
}
