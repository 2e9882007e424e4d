/**
 * Callers that put until they are stopped, and tell of every put what became of it.
 *
 * @module
 */
import { writeSync } from "node:fs";
import { PennonError } from "../../src/errors.js";
import type { Position } from "../../src/writer/position.js";
import type { Durability } from "../../src/writer/waiting-put.js";
import { callerName, type PutName, planPut } from "./put-plan.js";
import { type PutTarget, putPlanned } from "./put-rows.js";

/** A caller: how many of its puts may be on their way at once. */
export interface Caller {
  readonly caller: number;
  readonly outstanding: number;
}

/** What callers put. */
export interface CallerOptions {
  readonly seed: number;
  readonly run: number;
  /** Puts of each caller; then it is idle. */
  readonly puts: number;
  /** Of all puts. @default as planned */
  readonly durability?: Durability | undefined;
  readonly onAcknowledged?: () => void;
}

const STDOUT = 1;

/** Writes a line to whoever started this process, before it returns: what was said is not lost when the process is killed. */
export function say(...words: readonly (string | number)[]): void {
  const line = Buffer.from(`${words.join(" ")}\n`);
  for (let written = 0; written < line.byteLength; ) {
    try {
      written += writeSync(STDOUT, line, written);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
    }
  }
}

/** The stable code of an error, or what it says. */
export function codeOf(error: unknown): string {
  return error instanceof PennonError ? error.code : `Defect:${String(error).replaceAll(/\s/g, "_")}`;
}

/** Puts one put after the other until one fails or there are enough. */
export async function runCaller(target: PutTarget, caller: Caller, options: CallerOptions): Promise<void> {
  const outstanding = new Set<Promise<void>>();
  let failed = false;
  for (let number = 0; number < options.puts && !failed; number++) {
    const name: PutName = { run: options.run, caller: caller.caller, number };
    const settled = putOne(target, name, options).then((ok) => {
      failed ||= !ok;
      outstanding.delete(settled);
    });
    outstanding.add(settled);
    if (outstanding.size >= caller.outstanding) await Promise.race(outstanding);
  }
  await Promise.all(outstanding);
}

async function putOne(target: PutTarget, name: PutName, options: CallerOptions): Promise<boolean> {
  const planned = planPut(options.seed, name);
  const plan = { ...planned, durability: options.durability ?? planned.durability };
  let position: Position;
  try {
    position = await putPlanned(target, plan);
  } catch (error) {
    say("fail", callerName(name), name.number, codeOf(error));
    return false;
  }
  say("ack", callerName(name), name.number, plan.durability, position);
  options.onAcknowledged?.();
  return true;
}
