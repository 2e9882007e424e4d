/**
 * Columns of the null type: rows and no buffer.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { arrowData } from "../../data.js";
import { ColumnBuilder } from "./column-builder.js";

export class NullsColumn extends ColumnBuilder {
  override get bytes(): number {
    return 0;
  }

  protected override get expected(): string {
    return "null: the column holds nothing else";
  }

  override append(value: unknown): void {
    if (value !== null && value !== undefined) this.refuse(value);
    this.next();
  }

  override appendNull(): void {
    this.next();
  }

  override appendFiller(): void {
    this.next();
  }

  override truncate(length: number): void {
    this.truncateRows(length);
  }

  override clear(): void {
    this.clearRows();
  }

  override data(): Data {
    return arrowData(this.type, this.length, this.length, {});
  }

  protected override valueKey(): string {
    return "";
  }
}
