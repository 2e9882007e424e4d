/** A process of its own that opens the table at the path given, creating it. Prints the key and the log's limit. */
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import { openLanceTable } from "./lance-catalog.js";

const path = process.argv[2] ?? "";
const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const { primaryKey, limits } = await openLanceTable({ path, schema, primaryKey: ["id"] });
process.stdout.write(JSON.stringify([primaryKey[0], limits.maxLogRows]));
