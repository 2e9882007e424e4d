/**
 * When a table's maintenance does what: each has a default that suits a table of one machine.
 *
 * @module
 */
import { UsageError } from "../errors.js";

export interface MaintenanceOptions {
  /** SSTables beyond the base table at which they are merged into it, 1 to 1,024. @default 4 */
  readonly compactSsTables?: number;
  /** Bytes of their rows at which they are merged. @default 256 MiB */
  readonly compactBytes?: number;
  /** Milliseconds after which an SSTable is merged, however few there are. @default 300,000 */
  readonly compactAgeMs?: number;
  /** Milliseconds for which a merged SSTable stays, for readers that opened the table before. @default 3,600,000 */
  readonly retentionMs?: number;
  /** Milliseconds for which log entries stay whose rows are in SSTables, for those who follow. @default 600,000 */
  readonly logRetentionMs?: number;
  /** Milliseconds between two collections of garbage. @default 60,000 */
  readonly collectIntervalMs?: number;
  /** Milliseconds between two runs of LanceDB's optimize over the base table, if it was merged into meanwhile. @default 3,600,000 */
  readonly optimizeIntervalMs?: number;
  /** Merges after which it runs in any case: each leaves a fragment and two versions. @default 64 */
  readonly optimizeMerges?: number;
  /** Milliseconds for which old versions of the base table stay. @default 3,600,000 */
  readonly versionRetentionMs?: number;
}

export type MaintenanceSettings = Required<MaintenanceOptions>;

const MIB = 2 ** 20;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const MOST = Number.MAX_SAFE_INTEGER;

const BOUNDS: Readonly<Record<keyof MaintenanceOptions, { by: number; least: number; most: number }>> = {
  compactSsTables: { by: 4, least: 1, most: 1_024 },
  compactBytes: { by: 256 * MIB, least: 1, most: MOST },
  compactAgeMs: { by: 5 * MINUTE_MS, least: 0, most: MOST },
  retentionMs: { by: HOUR_MS, least: 0, most: MOST },
  logRetentionMs: { by: 10 * MINUTE_MS, least: 0, most: MOST },
  collectIntervalMs: { by: MINUTE_MS, least: 1, most: MOST },
  optimizeIntervalMs: { by: HOUR_MS, least: 1, most: MOST },
  optimizeMerges: { by: 64, least: 1, most: MOST },
  versionRetentionMs: { by: HOUR_MS, least: 0, most: MOST },
};

/** @throws UsageError when an option is unknown or out of its bounds */
export function maintenanceSettings(options: MaintenanceOptions = {}): MaintenanceSettings {
  for (const name of Object.keys(options)) {
    if (!(name in BOUNDS)) {
      throw new UsageError(
        `maintenance has the option ${JSON.stringify(name)}; expected some of ${Object.keys(BOUNDS).join(", ")}`,
      );
    }
  }
  const setting = (name: keyof MaintenanceOptions): number => {
    const { by, least, most } = BOUNDS[name];
    const value = options[name] ?? by;
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw new UsageError(`maintenance.${name} is ${String(value)}; expected a whole number from ${least} to ${most}`);
  };
  return {
    compactSsTables: setting("compactSsTables"),
    compactBytes: setting("compactBytes"),
    compactAgeMs: setting("compactAgeMs"),
    retentionMs: setting("retentionMs"),
    logRetentionMs: setting("logRetentionMs"),
    collectIntervalMs: setting("collectIntervalMs"),
    optimizeIntervalMs: setting("optimizeIntervalMs"),
    optimizeMerges: setting("optimizeMerges"),
    versionRetentionMs: setting("versionRetentionMs"),
  };
}
