/**
 * Decides what happens next: every request to the store waits here before each of its steps, every timer waits here for its time, and
 * one of them at a time goes on. Which, is drawn from the seed; so the interleaving of all actors follows from the seed.
 *
 * A step goes on only when all actors stand still: everything that follows from the step before has run, microtasks and ticks
 * included. Time stands still meanwhile; it moves when a timer is drawn.
 *
 * @module
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { parseManifestKey, parseWalKey } from "../../src/lance/names.js";
import type { StoreStep } from "../../src/storage/memory-view.js";
import type { Timers } from "../../src/writer/timers.js";
import type { Random } from "../arrow-random-data.js";
import type { Trace } from "./trace.js";

/** Turns of the event loop after which an actor that still does something by itself is taken for one that never stands still. */
const MAX_TURNS = 1_000;

interface Waiting {
  readonly actor: string;
  readonly what: string;
  readonly step?: StoreStep;
  readonly go: () => void;
}

interface Timer extends Waiting {
  readonly at: number;
}

export class Scheduler {
  readonly #random: Random;
  readonly #trace: Trace;
  readonly #steps: Waiting[] = [];
  readonly #timers = new Set<Timer>();
  readonly #dead = new Set<string>();
  readonly #onStep: (step: StoreStep) => void;
  /** Actors that stand still, until so many steps have been taken. */
  readonly #pausedUntil = new Map<string, number>();
  #now = 0;
  #taken = 0;
  /** Counts all that arrives here; does not change any more when all actors stand still. */
  #arrivals = 0;

  /** @param onStep told of each step of a request as it is taken */
  constructor(random: Random, trace: Trace, onStep: (step: StoreStep) => void) {
    this.#random = random;
    this.#trace = trace;
    this.#onStep = onStep;
  }

  /** Milliseconds on the simulated clock. */
  get now(): number {
    return this.#now;
  }

  /** Steps and timers that have gone on so far: a clock of what came before what. */
  get taken(): number {
    return this.#taken;
  }

  /** The steps that this actor waits for. */
  waitingOf(actor: string): StoreStep[] {
    return this.#steps.flatMap((waiting) => (waiting.actor === actor && waiting.step ? [waiting.step] : []));
  }

  /** The `step` of a view of the store for this actor. @param atOnce steps that are never waited for */
  stepsOf(actor: string, atOnce: (step: StoreStep) => boolean = () => false): (step: StoreStep) => Promise<void> {
    return (step) => {
      if (atOnce(step)) return Promise.resolve();
      this.#arrivals++;
      return new Promise((resolve) => {
        const what = `${step.op} ${shortKey(step.key)} ${step.phase}`;
        if (!this.#dead.has(actor)) this.#steps.push({ actor, what, step, go: resolve });
      });
    };
  }

  /** A clock for this actor. */
  timersOf(actor: string): Timers {
    return {
      now: () => this.#now,
      set: (callback, delayMs) => this.#addTimer(actor, callback, delayMs),
      clear: (timer) => {
        for (const known of this.#timers) if (known === timer) this.#timers.delete(known);
      },
      sleep: (delayMs) => new Promise((resolve) => this.#addTimer(actor, resolve, delayMs)),
    };
  }

  /** Ends an actor: nothing of it goes on any more. */
  kill(actor: string): void {
    this.#dead.add(actor);
    this.#forget((waiting) => waiting.actor === actor);
  }

  /** Ends all actors. */
  killAll(): void {
    for (const { actor } of [...this.#steps, ...this.#timers]) this.#dead.add(actor);
    this.#forget(() => true);
  }

  /** Has an actor stand still while others take so many steps. */
  pause(actor: string, steps: number): void {
    this.#pausedUntil.set(actor, this.#taken + steps);
  }

  resumeAll(): void {
    this.#pausedUntil.clear();
  }

  /** Resolves when nothing goes on by itself any more. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      const before = this.#arrivals;
      await nextTurn();
      if (turn > 0 && before === this.#arrivals) return;
    }
    throw new Error(`the actors do not come to rest within ${MAX_TURNS} turns of the event loop`);
  }

  /** How many steps and timers could be drawn. */
  get choices(): number {
    return this.#eligible(this.#steps).length + (this.#nextTimer() === undefined ? 0 : 1);
  }

  /** Lets one step or timer go, by lot. False when there is none, also of actors that are paused: those go on then. */
  advance(): boolean {
    const steps = this.#eligible(this.#steps);
    const timer = this.#nextTimer();
    const count = steps.length + (timer === undefined ? 0 : 1);
    if (count === 0) {
      if (this.#pausedUntil.size === 0) return false;
      this.#pausedUntil.clear();
      return this.advance();
    }
    this.#taken++;
    const step = steps[this.#random.below(count)];
    if (step !== undefined) {
      this.#steps.splice(this.#steps.indexOf(step), 1);
      this.#trace.note(`${step.actor}: ${step.what}`);
      if (step.step !== undefined) this.#onStep(step.step);
      step.go();
    } else if (timer !== undefined) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.at);
      this.#trace.note(`${timer.actor}: timer at ${timer.at}`);
      timer.go();
    }
    return true;
  }

  #addTimer(actor: string, callback: () => void, delayMs: number): Timer {
    this.#arrivals++;
    const timer = { actor, what: "timer", at: this.#now + delayMs, go: callback };
    if (!this.#dead.has(actor)) this.#timers.add(timer);
    return timer;
  }

  #forget(which: (waiting: Waiting) => boolean): void {
    const kept = this.#steps.filter((step) => !which(step));
    this.#steps.splice(0, this.#steps.length, ...kept);
    for (const timer of this.#timers) if (which(timer)) this.#timers.delete(timer);
  }

  #eligible<W extends Waiting>(waiting: readonly W[]): W[] {
    return waiting.filter(({ actor }) => (this.#pausedUntil.get(actor) ?? 0) <= this.#taken);
  }

  /** The one that is due first. */
  #nextTimer(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#eligible([...this.#timers])) {
      if (first === undefined || timer.at < first.at) first = timer;
    }
    return first;
  }
}

/** A key without its 64 binary digits. */
export function shortKey(key: string): string {
  const entry = parseWalKey(key);
  if (entry !== undefined) return `wal ${entry}`;
  const version = parseManifestKey(key);
  return version === undefined ? key : `manifest ${version}`;
}
