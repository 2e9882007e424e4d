/**
 * What processes have told of their puts: all that a test knows of them.
 *
 * @module
 */

/** An acknowledged put. */
export interface Acknowledged {
  readonly caller: string;
  readonly number: number;
  readonly durability: string;
  readonly position: string;
}

export class Told {
  readonly acknowledged: Acknowledged[] = [];
  /** Codes of the errors of puts that have failed, by {@link putKey}. */
  readonly failed = new Map<string, string>();

  /** Takes a line, if it tells of a put. */
  take(line: string): void {
    const [word, caller = "", number = "", detail = "", position = ""] = line.split(" ");
    if (word === "ack") this.acknowledged.push({ caller, number: Number(number), durability: detail, position });
    if (word === "fail") this.failed.set(putKey(caller, Number(number)), detail);
  }
}

/** @param caller `run/caller` */
export function putKey(caller: string, number: number): string {
  return `${caller} ${number}`;
}
