/**
 * Failures of a MemoryStore, by rule.
 *
 * A rule says which requests it is about (operation, key, actor), which of those in their order are hit (`nth`, `times`, `chance`), and
 * what becomes of them. The first rule, in the order they were added, that hits a request decides; all rules count the requests they are
 * about. Nothing here knows a clock or makes up chance: both come from the store's options, so that the same seed gives the
 * same failures.
 *
 * @module
 */
import { UsageError } from "../errors.js";

/** The requests of an `ObjectStore`; each page of a listing is one. */
export type StoreOperation = "putIfAbsent" | "put" | "get" | "getRange" | "head" | "list" | "delete" | "sync";

/** A request, as rules and schedulers see it. */
export interface StoreRequest {
  readonly actor: string;
  readonly op: StoreOperation;
  /** Its key; the prefix of a listing; the first key of a `sync`, empty when it has none. */
  readonly key: string;
  /** Whether it is to make something durable: then it has a `sync` step. */
  readonly syncs: boolean;
}

/** Which requests a rule hits. What is left out excludes none. */
export interface FaultFilter {
  readonly op?: StoreOperation | readonly StoreOperation[];
  /** What the key starts with, or a pattern found in it. */
  readonly key?: string | RegExp;
  readonly actor?: string;
  /** The first request that is hit, counted from 1 among those the rule is about. @default 1 */
  readonly nth?: number;
  /** How many are hit from there on; `Infinity` for all. @default 1 */
  readonly times?: number;
  /** How likely each of those is hit, from 0 to 1, by the store's `random`. @default 1 */
  readonly chance?: number;
}

/** What becomes of a request that is hit. */
export type FaultAction =
  /**
   * It fails and has no effect. `retryable`: a `RetryableError` (throttled); `storage`: a `StorageError`; `unknown`: an
   * `OutcomeUnknownError` that is `retryable`, the request having been lost on its way. @default "storage"
   */
  | { readonly action: "failBefore"; readonly error?: "retryable" | "storage" | "unknown" }
  /**
   * It has its effect and fails. `reply`: the reply is lost, an `OutcomeUnknownError` that is `retryable`. `sync`: what was put can be
   * seen and is not durable, an `OutcomeUnknownError` that is not; such a rule is only about a durable `putIfAbsent` and `sync`. A
   * request that only reads fails with a `RetryableError`. @default "reply"
   */
  | { readonly action: "failAfter"; readonly at?: "sync" | "reply" }
  /**
   * It is under way and takes effect late: after `ms` on the store's clock, else when {@link Fault.release} is called. An actor that is
   * killed meanwhile does not call it back; a loss of power does.
   */
  | { readonly action: "delay"; readonly ms?: number }
  /** It takes effect only after the next request that the rule is about has; `times` and `chance` have no meaning. */
  | { readonly action: "reorder" }
  /**
   * Only a part is written, of `bytes` bytes, by default chance decides how many: at once for all to see (`visible`, as by a foreign
   * writer that dies in the midst of a file with a final name), or found after a loss of power (`durable`, by a disk that
   * says it has synced and has not). The request succeeds. Such a rule is only about `putIfAbsent` and `put`. @default image "durable"
   */
  | { readonly action: "tear"; readonly image?: "visible" | "durable"; readonly bytes?: number };

export type FaultRule = FaultFilter & FaultAction;

/** A rule at work. */
export class Fault {
  readonly rule: FaultRule;
  #seen = 0;
  #hits = 0;
  readonly #held: (() => void)[] = [];
  #released = false;

  constructor(rule: FaultRule) {
    assertRule(rule);
    this.rule = rule;
  }

  /** Requests it was about so far. */
  get seen(): number {
    return this.#seen;
  }

  /** Requests that it hit so far. */
  get hits(): number {
    return this.#hits;
  }

  /** Requests held back at the moment. */
  get held(): number {
    return this.#held.length;
  }

  /** Lets the requests go that are held back, in the order they came, and holds back no more. */
  release(): void {
    this.#released = true;
    this.letGo();
  }

  /** The same, but goes on to hold back those that come. */
  letGo(): void {
    for (const go of this.#held.splice(0)) go();
  }

  /** Counts the request, and says whether it is to be hit. To be called once for each request of the store. */
  sees(request: StoreRequest, random: () => number): boolean {
    if (!isAbout(this.rule, request)) return false;
    this.#seen++;
    const { nth = 1, times = 1, chance = 1, action } = this.rule;
    if (this.#seen < nth) return false;
    if (action === "reorder") return this.#hits < 2;
    return this.#seen < nth + times && (chance >= 1 || random() < chance);
  }

  /** Notes that it decides about a request; returns how many that makes. */
  decide(): number {
    return ++this.#hits;
  }

  /** Resolves when the request may go on that is to be held back. */
  hold(): Promise<void> {
    if (this.#released) return Promise.resolve();
    return new Promise((resolve) => {
      this.#held.push(resolve);
    });
  }
}

/** The rules of a store. */
export class Faults {
  readonly #faults = new Set<Fault>();
  readonly #random: () => number;

  /** @param random numbers in [0, 1) that decide by chance */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** @throws UsageError when the rule makes no sense */
  add(rule: FaultRule): Fault {
    const fault = new Fault(rule);
    this.#faults.add(fault);
    return fault;
  }

  /** Takes the rule away, and lets go what it holds back. */
  remove(fault: Fault): void {
    this.#faults.delete(fault);
    fault.release();
  }

  /** Takes all rules away, and lets go what they hold back. */
  clear(): void {
    for (const fault of this.#faults) this.remove(fault);
  }

  /** The rule that hits the request, if one does. To be called once for each request of the store. */
  hitting(request: StoreRequest): Fault | undefined {
    let first: Fault | undefined;
    for (const fault of this.#faults) {
      if (fault.sees(request, this.#random)) first ??= fault;
    }
    return first;
  }

  /** Lets go all that is held back: it was called back, or has gone down with its store. */
  letGo(): void {
    for (const fault of this.#faults) fault.letGo();
  }
}

function isAbout(rule: FaultRule, request: StoreRequest): boolean {
  const { op, key, actor } = rule;
  if (rule.action === "tear" && request.op !== "putIfAbsent" && request.op !== "put") return false;
  if (rule.action === "failAfter" && rule.at === "sync" && !request.syncs) return false;
  if (op !== undefined && (typeof op === "string" ? op !== request.op : !op.includes(request.op))) return false;
  if (actor !== undefined && actor !== request.actor) return false;
  if (key === undefined) return true;
  // Unlike `test`, `search` keeps no state between calls.
  return typeof key === "string" ? request.key.startsWith(key) : request.key.search(key) >= 0;
}

function assertRule({ nth = 1, times = 1, chance = 1 }: FaultFilter): void {
  if (!Number.isSafeInteger(nth) || nth < 1)
    throw new UsageError(`A fault cannot hit request ${nth}: they count from 1.`);
  if (!(times >= 1)) throw new UsageError(`A fault cannot hit ${times} requests: expected 1 or more.`);
  if (!(chance >= 0 && chance <= 1)) throw new UsageError(`${chance} is no chance: expected 0 to 1.`);
}
