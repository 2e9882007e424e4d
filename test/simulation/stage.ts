/**
 * What all parts of a simulation share: the store and who uses it, what has been promised, what has gone wrong.
 *
 * @module
 */
import { Random } from "../arrow-random-data.js";
import { mix } from "../stress/run.js";
import { History } from "./history.js";
import { LogReader, newestManifest } from "./log-view.js";
import { OrderOfSteps } from "./order-of-steps.js";
import { drawProfile, type Profile } from "./profile.js";
import { Scheduler } from "./scheduler.js";
import type { SimulatedWriter } from "./simulated-writer.js";
import { Trace } from "./trace.js";
import { World } from "./world.js";

export class Stage {
  readonly trace: Trace;
  readonly random: Random;
  readonly profile: Profile;
  readonly scheduler: Scheduler;
  readonly world: World;
  readonly history = new History();
  readonly reader = new LogReader();
  readonly order = new OrderOfSteps();
  /** All there were. */
  readonly writers: SimulatedWriter[] = [];
  readonly tally: Record<string, number> = {};
  /** Whether requests of writers may fail at all. */
  readonly mayFail: boolean;
  /** Readers under way. */
  reads = 0;
  /** How often all actors were stopped at once. */
  outages = 0;
  /** First entry that a loss of power has taken, until the log has been opened since. */
  damagedFrom: number | undefined;
  /** Whether the log has not been opened since a loss of power. */
  recovering = false;
  /** Where somebody has written without a claim, and who is to find out. */
  intrusion: { readonly entry: number; readonly victim: SimulatedWriter; readonly until: number } | undefined;
  readonly #checks: (() => Promise<void> | void)[] = [];
  #actors = 0;
  #violation: string | undefined;

  constructor(seed: number, traceLines: number) {
    this.trace = new Trace(traceLines);
    this.random = new Random(mix(seed, 1));
    this.profile = drawProfile(new Random(mix(seed, 2)));
    this.scheduler = new Scheduler(new Random(mix(seed, 3)), this.trace, (step) => {
      if (this.order.took(step, this.scheduler.taken)) this.check(() => this.#seeEpoch(this.scheduler.taken));
    });
    this.world = new World(this.scheduler, new Random(mix(seed, 4)), this.profile, (message) => this.violate(message));
    this.mayFail = Object.values(this.profile.faults).some((chance) => chance > 0);
    this.trace.note(JSON.stringify(this.profile));
  }

  get living(): SimulatedWriter[] {
    return this.writers.filter(({ state }) => state !== "ended");
  }

  /** Something has happened that must not. */
  violate(message: string): void {
    this.#violation ??= message;
  }

  /** Has something looked at as soon as all actors stand still, before anything else happens. */
  check(check: () => Promise<void> | void): void {
    this.#checks.push(check);
  }

  count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }

  nextActor(kind: string): string {
    return `${kind}${++this.#actors}`;
  }

  /** Waits until all actors stand still. @throws Error when something has happened that must not */
  async settle(): Promise<void> {
    await this.scheduler.settle();
    for (const check of this.#checks.splice(0)) await check();
    await this.#checkDurability();
    if (this.#violation !== undefined) throw new Error(this.#violation);
  }

  /** A loss of power at this moment must leave no hole in the log. */
  async #checkDurability(): Promise<void> {
    const [first] = this.profile.world === "disk" ? this.world.unsyncedEntries() : [];
    if (first === undefined) return;
    const last = await this.world.lastDurableEntry();
    if (first < last) this.violate(`entry ${last} is durable; entry ${first} before it is not`);
  }

  async #seeEpoch(at: number): Promise<void> {
    this.order.sees((await newestManifest(this.world.disk))?.writerEpoch ?? 0, at);
  }
}
