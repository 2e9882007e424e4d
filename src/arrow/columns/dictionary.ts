/**
 * Dictionary-encoded columns. Buffers: validity, indices. The values are in dictionary messages of their own, see `dictionaries.ts`.
 *
 * @module
 */
import type { Data, Dictionary } from "apache-arrow";
import type { IndexWidth } from "../../kernels/interface.js";
import { type BodyWriter, malformed } from "../body-writer.js";
import { arrowData } from "../data.js";
import type { DictionaryPlan } from "../dictionary-plan.js";
import type { ArrayClass, MessageReader, TypedArray } from "../message-reader.js";
import type { DataLike } from "../shape.js";
import type { ColumnSpec } from "./column.js";
import { FixedColumn } from "./fixed.js";

export class DictionaryColumn extends FixedColumn {
  readonly dictionary: DictionaryPlan;
  readonly indices: Dictionary["indices"];
  readonly #width: IndexWidth;

  constructor(spec: ColumnSpec & { readonly type: Dictionary }, dictionary: DictionaryPlan) {
    const width = indexWidth(spec.type.indices.bitWidth);
    super(spec, width);
    this.#width = width;
    this.indices = spec.type.indices;
    this.dictionary = dictionary;
  }

  override get hasDictionary(): boolean {
    return true;
  }

  override get valuesClass(): ArrayClass<TypedArray> {
    return this.indices.ArrayType;
  }

  override write(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    this.check(data, start, length);
    const validity = this.writeValidity(writer, data, start, length);
    const address = this.writeValues(writer, data, start, length);
    if (writer.overflow || length === 0) return;
    const { lengthInForce } = this.dictionary;
    if (!writer.kernels.indicesValid(address, this.#width, this.indices.isSigned, length, validity, lengthInForce)) {
      malformed(this.path, `a row's index is outside of the dictionary, which has ${lengthInForce} values`);
    }
  }

  override read(reader: MessageReader): Data {
    const { node, firstBuffer } = this;
    return arrowData(
      this.type,
      reader.length(node),
      reader.nullCount(node),
      {
        values: reader.array(firstBuffer + 1, this.valuesClass),
        validity: reader.validity(firstBuffer),
      },
      [],
      reader.dictionary(this.dictionary),
    );
  }
}

/** Bytes of an index of `bits` bits; the schema has been checked to have no other. */
function indexWidth(bits: number): IndexWidth {
  switch (bits) {
    case 8:
      return 1;
    case 16:
      return 2;
    case 32:
      return 4;
    default:
      return 8;
  }
}
