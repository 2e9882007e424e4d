/**
 * A schema of LanceDB's own copy of apache-arrow.
 *
 * LanceDB takes schemas of other copies apart and puts them together again, and knows no `large_utf8` and `large_binary` then. Its copy
 * is the CommonJS one even where ours is of the same package and version; the bytes of a schema message are the same to both.
 *
 * @module
 */
import { createRequire } from "node:module";
import type * as arrow from "apache-arrow";
import type { Schema } from "apache-arrow";
import { END_OF_STREAM } from "../arrow/message.js";
import { encodeSchemaMessage } from "../arrow/schema.js";

/** @param schema of our copy of apache-arrow */
export function schemaForLanceDb(schema: Schema): Schema {
  const here = createRequire(import.meta.url);
  const theirs: typeof arrow = createRequire(here.resolve("@lancedb/lancedb"))("apache-arrow");
  const stream = Buffer.concat([encodeSchemaMessage(schema), Uint8Array.from(END_OF_STREAM)]);
  return theirs.RecordBatchReader.from(stream).open().schema;
}
