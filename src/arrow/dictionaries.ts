/**
 * The dictionaries in force. A batch with dictionary-encoded columns needs, before it in the stream, a dictionary message for each
 * of them. One is laid out when a batch's dictionary differs, by bytes, from the one in force; it then replaces it.
 *
 * ```
 *   … │ dictionary message a [ ] │ dictionary message b [set] │ batch │ batch │ dictionary message a [set] │ batch │ …
 * ```
 *
 * `[set]` is the record of all dictionaries in force, 8 bytes each in the order of the schema's dictionaries: message start / 64, message
 * length / 64. Every dictionary message has room for one at the end of its body, where readers of the IPC format never look, so that
 * there is no gap between messages; the last message before a batch has it filled in. A batch's slot holds its address, so every batch can be read alone, and a range of batches can be handed out with
 * the messages it needs.
 *
 * Order: an inner dictionary comes before the one whose values refer to it, and when it is replaced so is the outer one.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import { type ArenaViews, type BodyWriter, malformed } from "./body-writer.js";
import type { Column } from "./columns/column.js";
import { DictionaryColumn } from "./columns/dictionary.js";
import { concatData } from "./concat.js";
import type { DictionaryPlan } from "./dictionary-plan.js";
import { aligned } from "./message.js";
import type { DataLike } from "./shape.js";

/** One dictionary message in the arena. */
export interface DictionaryMessage {
  /** Address, a multiple of 64. */
  start: number;
  /** Bytes, a multiple of 64. */
  bytes: number;
}

interface InForce extends DictionaryMessage {
  length: number;
  bodyBytes: number;
  /** The source's chunks, to know it again by reference. */
  chunks: readonly DataLike[];
}

/** The messages named by the record at `dictionarySet`. */
export function messagesInForce(views: ArenaViews, dictionarySet: number, count: number): DictionaryMessage[] {
  return Array.from({ length: count }, (_, i) => ({
    start: 64 * (views.u32[dictionarySet / 4 + 2 * i] ?? 0),
    bytes: 64 * (views.u32[dictionarySet / 4 + 2 * i + 1] ?? 0),
  }));
}

/** Writer's side: lays out the dictionary messages that a batch needs. */
export class DictionaryWriter {
  readonly #plans: readonly DictionaryPlan[];
  #inForce: (InForce | undefined)[];
  #before: (InForce | undefined)[] = [];
  #tail = 0;
  #limit = 0;
  /** Address of the room for the set in the message laid out last, 0 before there is one. */
  #setAddress = 0;
  readonly #writer: BodyWriter;

  constructor(plans: readonly DictionaryPlan[], writer: BodyWriter) {
    this.#plans = plans;
    this.#writer = writer;
    this.#inForce = plans.map(() => undefined);
  }

  /** Remembers what is in force, for {@link rollback}. */
  checkpoint(): void {
    this.#before = [...this.#inForce];
  }

  /** Forgets the messages laid out since the checkpoint. */
  rollback(): void {
    this.#inForce = this.#before;
    for (const plan of this.#plans) plan.lengthInForce = this.#inForce[plan.index]?.length ?? 0;
  }

  /**
   * Takes up what a former writer left in force.
   *
   * @param dictionarySet address of the set record of the last batch
   */
  adopt(dictionarySet: number): void {
    const { views } = this.#writer;
    const setBytes = aligned(8 * this.#plans.length);
    const messages = messagesInForce(views, dictionarySet, this.#plans.length);
    for (const plan of this.#plans) {
      const message = messages[plan.index];
      if (message === undefined) continue;
      const length = views.u32[message.start / 4 + plan.template.rowsWord] ?? 0;
      const bodyBytes = message.bytes - plan.template.bytes.byteLength - setBytes;
      this.#inForce[plan.index] = { ...message, length, bodyBytes, chunks: [] };
      plan.lengthInForce = length;
    }
  }

  /**
   * Lays out at `tail` the messages that the columns of a batch need and that are not in force.
   *
   * @returns address after them (= `tail` when none was needed), and the address of the set record or 0 when it has not changed
   */
  write(
    columns: readonly Column[],
    data: readonly DataLike[],
    tail: number,
    limit: number,
  ): { tail: number; dictionarySet: number } {
    this.#tail = tail;
    this.#limit = limit;
    this.#setAddress = 0;
    const replaced = new Set<DictionaryPlan>();
    columns.forEach((column, i) => {
      const child = data[i];
      if (child !== undefined) this.#visit(column, child, replaced);
    });
    if (this.#setAddress !== 0 && this.#tail <= limit) this.#fillSet();
    return { tail: this.#tail, dictionarySet: this.#setAddress };
  }

  #visit(column: Column, data: DataLike, replaced: Set<DictionaryPlan>): void {
    if (!column.hasDictionary) return;
    if (column instanceof DictionaryColumn) {
      this.#ensure(column, data, replaced);
      return;
    }
    column.children.forEach((child, i) => {
      const childData = data.children?.[i];
      if (childData !== undefined) this.#visit(child, childData, replaced);
    });
  }

  #ensure(column: DictionaryColumn, data: DataLike, replaced: Set<DictionaryPlan>): void {
    const plan = column.dictionary;
    const chunks = data.dictionary?.data ?? [];
    const current = this.#inForce[plan.index];
    if (chunks.length === 0 && current !== undefined) {
      if (data.length > 0) this.#missing(column);
      return;
    }
    if (current !== undefined && sameChunks(current.chunks, chunks)) return;
    if (chunks.length === 0 && data.length > 0) this.#missing(column);
    const values = this.#single(column, chunks);
    this.#visit(plan.values, values, replaced);
    const mustReplace = [...replaced].some((inner) => contains(plan.values, inner));
    this.#layOut(plan, values, chunks, current, mustReplace);
    if (this.#inForce[plan.index] !== current) replaced.add(plan);
  }

  #single({ path, dictionary }: DictionaryColumn, chunks: readonly DataLike[]): DataLike {
    const { type } = dictionary.values;
    const [first] = chunks;
    if (first !== undefined && chunks.length === 1) return first;
    try {
      return concatData(type, chunks);
    } catch (error) {
      if (error instanceof UsageError || error instanceof RangeError) malformed(`${path}.dictionary`, error.message);
      throw error;
    }
  }

  #layOut(
    plan: DictionaryPlan,
    values: DataLike,
    chunks: readonly DataLike[],
    current: InForce | undefined,
    mustReplace: boolean,
  ): void {
    const writer = this.#writer;
    writer.begin(plan.template, this.#tail, this.#limit);
    plan.values.write(writer, values, 0, values.length);
    const bodyBytes = writer.end - writer.body;
    const setBytes = 8 * this.#plans.length;
    const setAddress = writer.reserve(setBytes);
    if (!writer.overflow) writer.views.u8.fill(0, setAddress, setAddress + setBytes);
    const bytes = writer.finish(plan.template, values.length);
    if (
      current !== undefined &&
      !mustReplace &&
      !writer.overflow &&
      current.bodyBytes === bodyBytes &&
      this.#sameMessage(current, plan.template.bytes.byteLength + bodyBytes)
    ) {
      writer.abandon();
      current.chunks = chunks;
      return;
    }
    this.#inForce[plan.index] = { start: this.#tail, bytes, length: values.length, bodyBytes, chunks };
    plan.lengthInForce = values.length;
    this.#setAddress = setAddress;
    this.#tail = writer.end;
  }

  /** Compares the message at the tail with the one in force, which has the same length. */
  #sameMessage(current: InForce, bytes: number): boolean {
    const { u32 } = this.#writer.views;
    const a = current.start / 4;
    const b = this.#tail / 4;
    for (let i = 0; i < bytes / 4; i++) if (u32[a + i] !== u32[b + i]) return false;
    return true;
  }

  /** Fills in the record of all dictionaries in force. */
  #fillSet(): void {
    const { u32 } = this.#writer.views;
    const word = this.#setAddress / 4;
    for (const { index } of this.#plans) {
      const message = this.#inForce[index];
      u32[word + 2 * index] = (message?.start ?? 0) / 64;
      u32[word + 2 * index + 1] = (message?.bytes ?? 0) / 64;
    }
  }

  #missing(column: Column): never {
    throw new UsageError(`column ${JSON.stringify(column.path)} has rows but no dictionary`);
  }
}

function sameChunks(a: readonly DataLike[], b: readonly DataLike[]): boolean {
  return a.length > 0 && a.length === b.length && a.every((chunk, i) => chunk === b[i]);
}

function contains(column: Column, plan: DictionaryPlan): boolean {
  if (column instanceof DictionaryColumn) return column.dictionary === plan || contains(column.dictionary.values, plan);
  return column.children.some((child) => contains(child, plan));
}
