/**
 * All orders in which the requests of a few actors can reach a store, up to a number of preemptions.
 *
 * A preemption is a switch from an actor that could have gone on. Most errors of a protocol need few of them, and orders with few are
 * few enough to try them all. A run is repeated for every order, so it must depend on nothing else.
 *
 * @module
 */
import { OutcomeUnknownError } from "../errors.js";
import type { MemoryStore } from "../storage/memory-store.js";
import type { ObjectStore } from "../storage/object-store.js";
import { VERSION_HINT_KEY } from "./names.js";

/** One of the actors of a run. */
export interface Actor {
  readonly name: string;
  /**
   * What it does; ends when the promise settles, whose outcome is the actor's own business.
   *
   * @param late another view on the store, whose requests wait by themselves, even when the actor has ended: for those of which the actor
   * knows no outcome
   */
  readonly act: (store: ObjectStore, late: ObjectStore) => Promise<void>;
}

/** Picks who goes next. @param waiting names of actors with a request waiting, in order @param last who went before */
export type Choose = (waiting: readonly string[], last: string | undefined) => string;

const MAX_STEPS = 10_000;

/** Lets the actors run against the store, one request at a time, in the order that `choose` picks. */
export async function interleave(store: MemoryStore, actors: readonly Actor[], choose: Choose): Promise<void> {
  const waiting = new Map<string, (() => void)[]>();
  let running = actors.length;
  const view = (name: string): ObjectStore =>
    store.view({
      actor: name,
      step: ({ phase, key }) => {
        // The hint decides nothing: with it, there would be several times as many orders.
        if (phase !== "request" || key === VERSION_HINT_KEY) return undefined;
        return new Promise((resolve) => {
          waiting.set(name, [...(waiting.get(name) ?? []), resolve]);
        });
      },
    });
  const end = (): void => {
    running--;
  };
  for (const { name, act } of actors) void act(view(name), view(`late ${name}`)).then(end, end);
  let last: string | undefined;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    await settled();
    const names = [...waiting.keys()].sort();
    if (names.length === 0) break;
    last = choose(names, last);
    const [go, ...others] = waiting.get(last) ?? [];
    if (others.length === 0) waiting.delete(last);
    else waiting.set(last, others);
    go?.();
  }
  if (running > 0 || waiting.size > 0) throw new Error(`${running} actors do not come to an end`);
}

/**
 * Runs every order with at most `preemptions`.
 *
 * @param run one run, made of nothing but what `choose` picks; throws when what it finds is wrong
 * @returns how many orders there are
 */
export async function everyOrder(preemptions: number, run: (choose: Choose) => Promise<void>): Promise<number> {
  const open: string[][] = [[]];
  let orders = 0;
  for (let prefix = open.pop(); prefix !== undefined; prefix = open.pop()) {
    const chosen: string[] = [];
    let left = preemptions;
    const given = prefix;
    await run((waiting, last) => {
      const straight = last !== undefined && waiting.includes(last) ? last : undefined;
      const next = given[chosen.length] ?? straight ?? waiting[0] ?? "";
      if (straight !== undefined && next !== straight) left--;
      if (chosen.length >= given.length && (straight === undefined || left > 0)) {
        for (const other of waiting) if (other !== next) open.push([...chosen, other]);
      }
      chosen.push(next);
      return next;
    }).catch((error: unknown) => {
      throw new Error(`in the order ${chosen.join(" ")}`, { cause: error });
    });
    orders++;
  }
  return orders;
}

/** How requests whose reply is lost appear to the caller, who cannot know whether and when they are carried out. */
export function losingReplies(store: ObjectStore, late: ObjectStore, lose: (key: string) => boolean): ObjectStore {
  return {
    name: store.name,
    putIfAbsent: async (key, parts, options) => {
      if (!lose(key)) return store.putIfAbsent(key, parts, options);
      late.putIfAbsent(key, parts, options).catch(() => {});
      throw new OutcomeUnknownError(`the reply of ${key} was lost`, { retryable: true });
    },
    put: (key, parts, options) => store.put(key, parts, options),
    get: (key, options) => store.get(key, options),
    getRange: (key, start, end, options) => store.getRange(key, start, end, options),
    head: (key, options) => store.head(key, options),
    list: (prefix, options) => store.list(prefix, options),
    delete: (key, options) => store.delete(key, options),
    sync: (keys, options) => store.sync(keys, options),
    close: () => store.close(),
  };
}

/** When nothing moves any more but by a step. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
