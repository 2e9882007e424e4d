/**
 * Columns of whole days, stored as 32-bit numbers of days since 1970-01-01.
 *
 * @module
 */
import { isDate } from "../value-kinds.js";
import { WHOLE_DAY, wholeDays } from "./int64.js";
import { NumberColumn } from "./numbers.js";

export class DateDayColumn extends NumberColumn {
  protected override get expected(): string {
    return WHOLE_DAY;
  }

  override append(value: unknown): void {
    const days = isDate(value) ? wholeDays(value) : undefined;
    if (days !== undefined) this.push(days);
    else this.appendAbsent(value);
  }
}
