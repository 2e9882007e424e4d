/**
 * What one actor sees of a MemoryStore: an object store whose every request is made of steps.
 *
 * ```
 * request ─▶ (a rule fails it, or holds it back) ─▶ effect ─▶ sync ─▶ durable ─▶ reply
 * ```
 * At `request`, `sync` and `reply` the actor's scheduler is asked, and others may go first; between them nothing happens. Only what must
 * be durable has a `sync` step, and after its effect can be seen by all. Without a scheduler a request takes effect before its
 * method returns, as with a LocalStore.
 *
 * An actor that was killed asks for nothing more, and what it asked for ends at the next step with a `ClosedError`. Only what a rule
 * holds back is on its way already and takes effect all the same. After a loss of power nothing that was under way takes effect.
 *
 * @module
 */
import { ClosedError, OutcomeUnknownError, RetryableError, StorageError } from "../errors.js";
import type { Fault, FaultRule, Faults, StoreOperation, StoreRequest } from "./faults.js";
import type { MemoryDisk } from "./memory-disk.js";
import { assertRange, memoryFor, totalBytes } from "./object-bytes.js";
import { assertKey, assertLimit, assertPrefix } from "./object-key.js";
import {
  type GetOptions,
  type ListedObject,
  type ListOptions,
  ObjectExistsError,
  type ObjectInfo,
  ObjectNotFoundError,
  type ObjectStore,
  type PutOptions,
  type RequestOptions,
} from "./object-store.js";

/** A moment of a request at which others may go first. */
export interface StoreStep extends StoreRequest {
  readonly phase: "request" | "sync" | "reply";
}

/** Who sees the store, and who decides when. */
export interface MemoryViewOptions {
  /** What rules and schedulers call it. @default "main" */
  readonly actor?: string;
  /**
   * Asked before each step, which happens once it resolves. An actor whose scheduler never resolves one stands still there for ever.
   * @default every step happens at once
   */
  readonly step?: ((step: StoreStep) => Promise<void> | void) | undefined;
}

/** What all views of a store share. */
export interface MemoryWorld {
  readonly name: string;
  readonly disk: MemoryDisk;
  readonly faults: Faults;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly pageSize: number;
}

type Tear = Extract<FaultRule, { action: "tear" }>;

/** What a request does, apart from when. */
interface Work<T> {
  /** Whether it changes anything, so that its outcome can be unknown. */
  readonly writes: boolean;
  readonly effect: (tear: Tear | undefined) => T;
  readonly sync?: (() => void) | undefined;
}

export class MemoryView implements ObjectStore {
  readonly name: string;
  readonly actor: string;
  readonly #world: MemoryWorld;
  readonly #disk: MemoryDisk;
  readonly #scheduler: MemoryViewOptions["step"];
  #closed = false;

  /** @internal To be made by `MemoryStore.view`. */
  constructor(world: MemoryWorld, { actor = "main", step }: MemoryViewOptions) {
    this.name = world.name;
    this.actor = actor;
    this.#world = world;
    this.#disk = world.disk;
    this.#scheduler = step;
  }

  async putIfAbsent(key: string, parts: readonly Uint8Array[], options: PutOptions = {}): Promise<void> {
    this.#begin(options.signal);
    assertKey(key);
    const bytes = joined(key, parts);
    const sync = (): void => this.#disk.makeDurable(key);
    await this.#request("putIfAbsent", key, {
      writes: true,
      effect: (tear) => {
        if (this.#disk.read(key) !== undefined)
          throw new ObjectExistsError(`${this.name}/${key} is taken: somebody else has created it.`);
        this.#write(key, bytes, tear);
      },
      sync: (options.durable ?? true) ? sync : undefined,
    });
  }

  async put(key: string, parts: readonly Uint8Array[], options: RequestOptions = {}): Promise<void> {
    this.#begin(options.signal);
    assertKey(key);
    const bytes = joined(key, parts);
    await this.#request("put", key, { writes: true, effect: (tear) => this.#write(key, bytes, tear) });
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    this.#begin(options.signal);
    assertKey(key);
    return this.#request("get", key, {
      writes: false,
      effect: () => this.#copy(key, 0, Number.POSITIVE_INFINITY, options),
    });
  }

  async getRange(key: string, start: number, end: number, options: GetOptions = {}): Promise<Uint8Array> {
    this.#begin(options.signal);
    assertKey(key);
    assertRange(key, start, end);
    return this.#request("getRange", key, { writes: false, effect: () => this.#copy(key, start, end, options) });
  }

  async head(key: string, options: RequestOptions = {}): Promise<ObjectInfo | undefined> {
    this.#begin(options.signal);
    assertKey(key);
    return this.#request("head", key, {
      writes: false,
      effect: () => {
        const bytes = this.#disk.read(key);
        return bytes && { key, bytes: bytes.byteLength };
      },
    });
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListedObject, void, undefined> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    this.#begin(options.signal);
    assertPrefix(prefix);
    assertLimit(left);
    let after = options.startAfter ?? "";
    while (left > 0) {
      this.#begin(options.signal);
      const most = Math.min(left, this.#world.pageSize);
      const page = await this.#request("list", prefix, {
        writes: false,
        effect: () => this.#disk.list(prefix, after, most),
      });
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < most) return;
      left -= page.length;
      after = last.key;
    }
  }

  async delete(key: string, options: RequestOptions = {}): Promise<void> {
    this.#begin(options.signal);
    assertKey(key);
    await this.#request("delete", key, { writes: true, effect: () => this.#disk.remove(key) });
  }

  async sync(keys: readonly string[], options: RequestOptions = {}): Promise<void> {
    this.#begin(options.signal);
    for (const key of keys) assertKey(key);
    await this.#request("sync", keys[0] ?? "", {
      writes: true,
      effect: () => {
        for (const key of keys) this.#mustHave(key);
      },
      sync: () => {
        for (const key of keys) this.#disk.makeDurable(key);
      },
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** Ends the actor as if its process was killed. Further requests are `ClosedError`s, and so are those under way, at their next step. */
  kill(): void {
    this.#closed = true;
  }

  async #request<T>(op: StoreOperation, key: string, { writes, effect, sync }: Work<T>): Promise<T> {
    const request = { actor: this.actor, op, key, syncs: sync !== undefined };
    const life = this.#disk.life;
    const step = (phase: StoreStep["phase"]): Promise<void> | void => this.#scheduler?.({ ...request, phase });

    // Only what has to wait is awaited: without rules and schedulers all is done when the method returns.
    const sent = step("request");
    if (sent !== undefined) await sent;
    this.#assertAlive(request, life);
    const fault = this.#world.faults.hitting(request);
    const rule = fault?.rule;
    const hits = fault?.decide() ?? 0;
    if (rule?.action === "failBefore") throw failedBefore(request, rule.error, writes);
    const held = fault && this.#hold(fault, hits);
    if (held !== undefined) await held;
    if (this.#disk.life !== life) throw lost(request);

    const outcome = outcomeOf(() => effect(rule?.action === "tear" ? rule : undefined));
    if (rule?.action === "reorder") fault?.release();
    if (sync !== undefined && "value" in outcome) {
      const syncing = step("sync");
      if (syncing !== undefined) await syncing;
      this.#assertAlive(request, life);
      if (rule?.action === "failAfter" && rule.at === "sync") throw notSynced(request);
      sync();
    }
    const replied = step("reply");
    if (replied !== undefined) await replied;
    this.#assertAlive(request, life);
    if (rule?.action === "failAfter" && rule.at !== "sync") throw replyLost(request, writes);
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  #assertAlive(request: StoreRequest, life: number): void {
    if (this.#disk.life !== life) throw lost(request);
    if (this.#closed) throw new ClosedError(`${describe(request)}: the actor was ended in its midst.`);
  }

  /** What a request waits for that is the nth its rule hits. */
  #hold(fault: Fault, nth: number): Promise<void> | undefined {
    const { rule } = fault;
    if (rule.action === "reorder") return nth === 1 ? fault.hold() : undefined;
    if (rule.action !== "delay") return undefined;
    return rule.ms === undefined ? fault.hold() : this.#world.sleep(rule.ms);
  }

  #begin(signal: AbortSignal | undefined): void {
    if (this.#closed) throw new ClosedError(`The store ${this.name} is closed: open another view.`);
    signal?.throwIfAborted();
  }

  #write(key: string, bytes: Uint8Array, tear: Tear | undefined): void {
    if (tear === undefined) {
      this.#disk.write(key, bytes);
      return;
    }
    const kept = Math.min(tear.bytes ?? Math.floor(this.#world.random() * bytes.byteLength), bytes.byteLength);
    this.#disk.write(key, tear.image === "visible" ? bytes.slice(0, kept) : bytes);
    if (tear.image !== "visible") this.#disk.lieAbout(key, kept);
  }

  #copy(key: string, start: number, end: number, { into }: GetOptions): Uint8Array {
    const bytes = this.#mustHave(key).subarray(start, end);
    const copy = memoryFor(bytes.byteLength, into);
    copy.set(bytes);
    return copy;
  }

  #mustHave(key: string): Uint8Array {
    const bytes = this.#disk.read(key);
    if (bytes === undefined) throw new ObjectNotFoundError(`There is no object ${this.name}/${key}.`);
    return bytes;
  }
}

function joined(key: string, parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(totalBytes(key, parts));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

function outcomeOf<T>(effect: () => T): Outcome<T> {
  try {
    return { value: effect() };
  } catch (error) {
    return { error };
  }
}

function describe({ actor, op, key }: StoreRequest): string {
  return `${op} ${key} of ${actor}`;
}

function lost(request: StoreRequest): ClosedError {
  return new ClosedError(`${describe(request)}: power was lost in its midst.`);
}

function failedBefore(
  request: StoreRequest,
  kind: "retryable" | "storage" | "unknown" | undefined,
  writes: boolean,
): Error {
  const text = `${describe(request)}: failed by a rule, without an effect.`;
  if (kind === undefined || kind === "storage") return new StorageError(text);
  return kind === "unknown" && writes ? new OutcomeUnknownError(text, { retryable: true }) : new RetryableError(text);
}

function replyLost(request: StoreRequest, writes: boolean): Error {
  const text = `${describe(request)}: its reply was lost by a rule.`;
  return writes ? new OutcomeUnknownError(text, { retryable: true }) : new RetryableError(text);
}

function notSynced(request: StoreRequest): OutcomeUnknownError {
  return new OutcomeUnknownError(`${describe(request)}: not made durable by a rule.`);
}
