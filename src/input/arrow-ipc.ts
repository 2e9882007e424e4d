/**
 * Arrow IPC, file and stream format → record batches, one message in memory at a time.
 *
 * A file is read forward, as the stream it contains; only one that keeps its schema in the footer is opened from its end.
 * The dictionaries in force are kept: a dictionary message replaces the one of its id for the batches after it, or, when it is a
 * delta, adds to it. Batches already handed out keep the dictionary they were read with.
 *
 * @module
 */

import { Data, RecordBatch, type Schema, Struct, Vector } from "apache-arrow";
import { CorruptError, UsageError } from "../errors.js";
import { type BodyContext, loadColumns } from "./arrow-body.js";
import type { FlatTable } from "./arrow-flatbuffer.js";
import { lacksLeadingSchema, readFooterSchema } from "./arrow-footer.js";
import { HEADER, type Message, MessageReader } from "./arrow-message.js";
import { decodeSchema } from "./arrow-schema.js";
import { slices } from "./batch-slices.js";
import { ByteSource } from "./byte-source.js";
import type { Input, ReadSettings } from "./input.js";
import { RandomAccess } from "./random-access.js";
import { requireSchema } from "./require-schema.js";

/** Most deltas that one dictionary may be made of: each is one more chunk to look through. */
const MAX_DELTAS = 4096;

/** Opens Arrow IPC bytes; reads the schema. @throws CorruptError, UsageError */
export async function openArrow(source: ByteSource, settings: ReadSettings): Promise<Input> {
  const fromFooter = await guard(source.name, 0, () => lacksLeadingSchema(source));
  if (!fromFooter) return arrowInput(new ArrowReader(source, settings), source, settings);
  const file = await RandomAccess.open(source, settings.maxSpoolBytes);
  try {
    const schema = await guard(source.name, file.size, () => readFooterSchema(file));
    const messages = await ByteSource.open({ path: file.path }, settings.signal, source.name);
    const input = await arrowInput(new ArrowReader(messages, settings, schema), messages, settings);
    const close = async () => {
      await input.close();
      await file.close();
      await source.close();
    };
    const { totalBytes } = source;
    const { name, format } = input;
    const batches = () => closing(input.batches(), close);
    const bytesRead = () => (source.gunzipped ? source.bytesRead() : messages.bytesRead());
    return { name, format, schema, ...(totalBytes === undefined ? {} : { totalBytes }), bytesRead, batches, close };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function arrowInput(reader: ArrowReader, source: ByteSource, settings: ReadSettings): Promise<Input> {
  const { totalBytes, name } = source;
  try {
    const schema = await reader.open();
    requireSchema(name, schema, settings.schema);
    return {
      name,
      format: "arrow",
      schema,
      ...(totalBytes === undefined ? {} : { totalBytes }),
      bytesRead: () => source.bytesRead(),
      batches: () => reader.batches(),
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function* closing(batches: AsyncIterable<RecordBatch>, close: () => Promise<void>): AsyncGenerator<RecordBatch> {
  try {
    yield* batches;
  } finally {
    await close();
  }
}

class ArrowReader {
  readonly #source: ByteSource;
  readonly #settings: ReadSettings;
  readonly #messages: MessageReader;
  readonly #dictionaries = new Map<number, Vector>();
  /** Bytes of each of them. */
  readonly #dictionaryBytes = new Map<number, number>();
  #allDictionaryBytes = 0;
  #schema: Schema | undefined;

  constructor(source: ByteSource, settings: ReadSettings, schema?: Schema) {
    this.#source = source;
    this.#settings = settings;
    this.#schema = schema;
    this.#messages = new MessageReader(source, settings.maxMessageBytes);
  }

  /** The schema: the one given, or that of the first message. */
  async open(): Promise<Schema> {
    if (this.#schema !== undefined) return this.#schema;
    const { name } = this.#source;
    const message = await this.#next();
    if (message?.kind !== HEADER.schema) throw failed(name, 0, new CorruptError("the first message must be a schema"));
    this.#schema = await guard(name, message.offset, async () => decodeSchema(message.header, message.version));
    return this.#schema;
  }

  async *batches(): AsyncGenerator<RecordBatch> {
    try {
      for (let message = await this.#next(); message !== undefined; message = await this.#next()) {
        const current = message;
        const batch = await guard(this.#source.name, current.offset, async () => this.#accept(current));
        if (batch !== undefined) yield* slices(batch, this.#settings.batchRows);
      }
    } finally {
      await this.#source.close();
    }
  }

  /** Takes one message in; gives the batch it holds, if it holds one. */
  #accept(message: Message): RecordBatch | undefined {
    const schema = this.#schema;
    if (schema === undefined) throw new CorruptError("a batch came before the schema");
    const context = { schema, dictionaries: this.#dictionaries, maxBytes: this.#settings.maxMessageBytes };
    if (message.kind === HEADER.dictionaryBatch) {
      this.#acceptDictionary(message.header, message.body, context);
      return undefined;
    }
    if (message.kind === HEADER.schema) throw new CorruptError("the schema changes in the middle; expected one schema");
    if (message.kind !== HEADER.recordBatch) throw new CorruptError(`unknown kind of message ${message.kind}`);
    const types = schema.fields.map((field) => field.type);
    const { length, columns } = loadColumns(message.header, message.body, types, context);
    return new RecordBatch(schema, new Data(new Struct(schema.fields), 0, length, 0, {}, columns));
  }

  #acceptDictionary(header: FlatTable, body: Uint8Array<ArrayBuffer>, context: BodyContext): void {
    const id = header.int64(0);
    const type = context.schema.dictionaries.get(id);
    const table = header.table(1);
    if (type === undefined || table === undefined) throw new CorruptError(`no column uses dictionary ${id}`);
    const entries = new Vector(loadColumns(table, body, [type], context).columns);
    const before = this.#dictionaries.get(id);
    const isDelta = before !== undefined && header.bool(2);
    this.#boundDictionaries(id, entries.byteLength, isDelta);
    if (!isDelta) {
      this.#dictionaries.set(id, entries);
      return;
    }
    if (before.data.length >= MAX_DELTAS) {
      throw new UsageError(
        `dictionary ${id} is made of more than ${MAX_DELTAS} deltas; write it anew with one dictionary`,
      );
    }
    this.#dictionaries.set(id, before.concat(entries));
  }

  /** All dictionaries in force together may take what one message may. */
  #boundDictionaries(id: number, bytes: number, isDelta: boolean): void {
    const before = this.#dictionaryBytes.get(id) ?? 0;
    this.#dictionaryBytes.set(id, isDelta ? before + bytes : bytes);
    this.#allDictionaryBytes += isDelta ? bytes : bytes - before;
    const { maxMessageBytes } = this.#settings;
    if (this.#allDictionaryBytes > maxMessageBytes) {
      throw new UsageError(
        `the dictionaries take ${this.#allDictionaryBytes} bytes together; at most ${maxMessageBytes} (maxMessageBytes)`,
      );
    }
  }

  #next(): Promise<Message | undefined> {
    return guard(this.#source.name, this.#source.position, () => this.#messages.next());
  }
}

async function guard<T>(name: string, offset: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failed(name, offset, error);
  }
}

/** The same error with the name of the source and the offset of the message. */
function failed(name: string, offset: number, error: unknown): unknown {
  const where = `${name}: Arrow message at byte ${offset}: `;
  const named = error instanceof Error && error.message.startsWith(name);
  if (error instanceof CorruptError && !named) return new CorruptError(where + error.message, { cause: error });
  if (error instanceof UsageError && !named) return new UsageError(where + error.message, { cause: error });
  if (error instanceof RangeError || error instanceof TypeError) {
    return new CorruptError(`${where}the data is damaged (${error.message})`, { cause: error });
  }
  return error;
}
