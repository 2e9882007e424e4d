/**
 * What befalls the writers of a simulation, besides failing requests.
 *
 * @module
 */
import type { CorruptError } from "../../src/errors.js";
import { WAL_PREFIX, walKey } from "../../src/lance/names.js";
import { forgeNext } from "./intruder.js";
import { pick } from "./profile.js";
import { nameOf, type SimulatedWriter } from "./simulated-writer.js";
import type { Stage } from "./stage.js";

export class Troubles {
  readonly #stage: Stage;
  readonly #openWriter: () => void;
  readonly #ambushed = new Set<SimulatedWriter>();

  /** @param openWriter has another writer open the shard */
  constructor(stage: Stage, openWriter: () => void) {
    this.#stage = stage;
    this.#openWriter = openWriter;
  }

  crash(writer: SimulatedWriter): void {
    this.#stage.count("crash");
    this.#stage.trace.note(`${writer.name}: killed`);
    this.#stage.scheduler.kill(writer.name);
    writer.kill();
  }

  /** Anyone; rather one that is in the midst of a write. */
  victim(living: readonly SimulatedWriter[]): SimulatedWriter {
    const writing = living.filter(({ name }) =>
      this.#stage.scheduler.waitingOf(name).some(({ phase }) => phase === "sync"),
    );
    return pick(this.#stage.random, writing.length > 0 && this.#stage.random.chance(0.7) ? writing : living);
  }

  /** Holds up a writer in the midst of something until others have taken over, or have tried to. */
  ambush(living: readonly SimulatedWriter[]): void {
    const exposed = living.filter((writer) => this.#isExposed(writer));
    if (exposed.length === 0) return;
    this.#stage.count("ambush");
    const victim = pick(this.#stage.random, exposed);
    this.#ambushed.add(victim);
    this.pause(victim, 1_000);
    const rivals = 1 + this.#stage.random.below(2);
    for (let opening = this.#others(victim, "opening"); opening < rivals; opening++) this.#openWriter();
  }

  /** Whether it is just writing, or has found out where to, or waits for another try. */
  #isExposed({ name, pending }: SimulatedWriter): boolean {
    const steps = this.#stage.scheduler.waitingOf(name);
    if (steps.length === 0) return pending > 0;
    return steps.some(({ op, key }) => op === "putIfAbsent" || (op === "list" && key === WAL_PREFIX));
  }

  /** Lets those go on that were held up, a little later. */
  endAmbush(): void {
    for (const victim of this.#ambushed) this.pause(victim, this.#stage.random.below(40));
    this.#ambushed.clear();
  }

  #others(writer: SimulatedWriter, state: SimulatedWriter["state"]): number {
    return this.#stage.writers.filter((other) => other !== writer && other.state === state).length;
  }

  /** Whether there is just one writer, which is about to write, or rather: waits for another try. */
  exposure([writer, ...others]: readonly SimulatedWriter[]): number {
    if (writer === undefined || others.length > 0 || this.#stage.reads > 0) return 0;
    if (writer.state !== "open" || writer.pending === 0) return 0;
    const steps = this.#stage.scheduler.waitingOf(writer.name);
    if (steps.length === 0) return 1;
    return steps.some(({ op, phase, key }) => op !== "head" && phase === "request" && key.startsWith(WAL_PREFIX))
      ? 0.1
      : 0;
  }

  async intrude([victim]: readonly SimulatedWriter[]): Promise<void> {
    const epoch = victim?.writer?.epoch;
    if (victim === undefined || epoch === undefined) return;
    const { end } = await this.#stage.reader.read(this.#stage.world.disk);
    this.#stage.count("intrusion");
    this.#stage.trace.note(`somebody writes entry ${end}`);
    const parts = await forgeNext(this.#stage.world.disk, end, epoch, this.#stage.random);
    await this.#stage.world.disk.putIfAbsent(walKey(end), parts, { durable: false });
    this.#stage.intrusion = { entry: end, victim, until: this.#stage.scheduler.taken + 60 };
  }

  /** After a while the entry is set aside by hand, whether anybody has found it or not; the writers behind it are gone by then. */
  async endIntrusion(atOnce: boolean): Promise<void> {
    const intrusion = this.#stage.intrusion;
    if (intrusion === undefined) return;
    const { entry, victim, until } = intrusion;
    const living = this.#stage.living;
    if (!atOnce && living.includes(victim) && this.#stage.scheduler.taken < until) return;
    this.#stage.intrusion = undefined;
    await this.#setAside(entry);
  }

  async losePower(fate: "random" | "lost" = "random"): Promise<void> {
    this.#stage.count("power loss");
    this.#stage.trace.note("power loss");
    this.#stopAll();
    if (this.#stage.profile.world === "objects") return;
    const damaged = await this.#stage.world.losePower(fate);
    this.#stage.trace.note(`entries lost or torn: ${damaged.join(" ")}`);
    this.#stage.history.powerLost();
    this.#stage.order.powerLost();
    const [first] = damaged;
    if (first !== undefined) this.#stage.damagedFrom = Math.min(first, this.#stage.damagedFrom ?? first);
    this.#stage.recovering = true;
  }

  #stopAll(): void {
    this.#stage.outages++;
    for (const writer of this.#stage.living) this.crash(writer);
    this.#stage.scheduler.killAll();
    this.#stage.reads = 0;
  }

  /** Takes entries out of the log by hand, while nobody uses it. */
  async #setAside(from: number): Promise<void> {
    this.#stopAll();
    this.#stage.trace.note(`entries from ${from} set aside`);
    await this.#stage.world.truncateLog(from);
  }

  /** Entries that were never synced, and are torn or missing, must be set aside by hand. */
  onCorrupt(writer: SimulatedWriter, error: CorruptError): void {
    const from = this.#stage.damagedFrom;
    if (from === undefined) {
      this.#stage.violate(`${writer.name}: open failed with ${nameOf(error)}, and nothing was damaged`);
      return;
    }
    this.#stage.count("repair");
    this.#stage.check(async () => {
      await this.#setAside(from);
      this.#stage.damagedFrom = undefined;
    });
  }

  pause(writer: SimulatedWriter, steps: number): void {
    this.#stage.trace.note(`${writer.name}: paused for ${steps} steps`);
    this.#stage.scheduler.pause(writer.name, steps);
  }
}
