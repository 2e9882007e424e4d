/**
 * What the arenas of a pool are in use for, and why none is free.
 *
 * @module
 */
import { nowMs } from "./clock.js";
import type { Memtable } from "./memtable.js";
import type { Pins } from "./pins.js";
import type { PoolControl } from "./pool-control.js";
import { SLOT_STATE } from "./pool-layout.js";

/** The arenas of a pool at one moment. `free`, `active`, `frozen`, `released` and `abandoned` add up to `slots`. */
export interface PoolStats {
  readonly slots: number;
  readonly free: number;
  /** 0 or 1. */
  readonly active: number;
  /** Not released yet: their SSTables are not published. */
  readonly frozen: number;
  /** Released, and pinned within the lease, or about to be emptied. */
  readonly released: number;
  /** Released, and pinned past the lease. */
  readonly abandoned: number;
  /** In whatever state, and pinned by a reader. */
  readonly pinned: number;
  /** Readers that are attached, in all threads. */
  readonly readers: number;
  /** Bytes of one arena, index included; memory is used as it is filled. */
  readonly arenaBytes: number;
  /** Bytes in use, index included, in arenas that are active or frozen. */
  readonly liveBytes: number;
  /** Bytes in use in arenas that are released. */
  readonly releasedBytes: number;
  /** Bytes in use in arenas that are abandoned. */
  readonly abandonedBytes: number;
}

/** @param memtableOf the memtable in a slot that is not free */
export function poolStats(control: PoolControl, pins: Pins, memtableOf: (slot: number) => Memtable): PoolStats {
  const { slots, leaseMs } = control;
  const now = nowMs();
  const counts = { free: 0, active: 0, frozen: 0, released: 0, abandoned: 0, pinned: 0 };
  const bytes = { liveBytes: 0, releasedBytes: 0, abandonedBytes: 0 };
  for (let slot = 0; slot < slots; slot++) {
    const state = control.state(slot);
    if (state === SLOT_STATE.FREE) {
      counts.free++; // a pin that is seen here is about to be taken back: its reader finds that nothing is here
      continue;
    }
    const held = pins.on(slot, now);
    if (held.length > 0) counts.pinned++;
    const used = memtableOf(slot).usedBytes;
    if (state !== SLOT_STATE.RELEASED) {
      counts[state === SLOT_STATE.ACTIVE ? "active" : "frozen"]++;
      bytes.liveBytes += used;
    } else if (held.some(({ ageMs }) => ageMs > leaseMs)) {
      counts.abandoned++;
      bytes.abandonedBytes += used;
    } else {
      counts.released++;
      bytes.releasedBytes += used;
    }
  }
  const { arenaBytes } = memtableOf(0);
  return { slots, ...counts, readers: pins.readers, arenaBytes, ...bytes };
}

/** Why no arena is free, in words. */
export function whyFull(control: PoolControl, pins: Pins): string {
  const { slots, leaseMs } = control;
  const now = nowMs();
  const released = Array.from({ length: slots }, (_, slot) => slot).filter(
    (slot) => control.state(slot) === SLOT_STATE.RELEASED,
  );
  const causes: string[] = [];
  if (released.length < slots) causes.push(`${slots - released.length} hold memtables that are not flushed yet`);
  if (released.length > 0) {
    const held = released.flatMap((slot) => pins.on(slot, now));
    const threads = [...new Set(held.map(({ thread }) => thread))].sort((a, b) => a - b);
    const who = threads.length === 0 ? "handles of single stores" : `readers of ${threads.map(threadName).join(", ")}`;
    const past = held.filter(({ ageMs }) => ageMs > leaseMs).length;
    const overdue = past === 0 ? "" : ` (${past} of ${held.length} pins past the lease of ${leaseMs} ms)`;
    causes.push(`${released.length} are flushed but pinned by ${who}${overdue}`);
  }
  return `all ${slots} arenas of the memtable pool are in use: ${causes.join(", ")}; wait for the flush, or release snapshots`;
}

function threadName(thread: number): string {
  return thread === 0 ? "the main thread" : `thread ${thread}`;
}
