/**
 * Where a table lies: `<database>/<table>` names the directory `<database>/<table>.lance`, as LanceDB does.
 *
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "../errors.js";

/** Ending of a table's directory. */
const EXTENSION = ".lance";
/** LanceDB's rule for names of tables. */
const NAME = /^[A-Za-z0-9_.-]+$/;
/** Longest name: with the ending it must be a file name. */
const MAX_NAME_BYTES = 255 - EXTENSION.length;

export interface TablePath {
  /** Directory of the database, absolute: what LanceDB connects to. */
  readonly database: string;
  /** Name of the table in it. */
  readonly name: string;
  /** Directory of the table, absolute. */
  readonly directory: string;
}

/**
 * The parts of `<database>/<table>`; an ending `.lance` is taken for the directory's and left out of the name.
 *
 * @throws UsageError when it is a URL, or the last part cannot be the name of a table
 */
export function parseTablePath(path: string): TablePath {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new UsageError(`the path of the table is ${JSON.stringify(path)}; expected "<database>/<table>"`);
  }
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(path)?.[1];
  if (scheme !== undefined) {
    throw new UsageError(
      `the path of the table is the URL ${JSON.stringify(path)}; tables on ${scheme}:// are not supported, expected a path of this file system`,
    );
  }
  const absolute = resolve(path);
  const last = basename(absolute);
  const name = last.endsWith(EXTENSION) ? last.slice(0, -EXTENSION.length) : last;
  if (!NAME.test(name) || /^\.+$/.test(name) || name.length > MAX_NAME_BYTES) {
    throw new UsageError(
      `the table is named ${JSON.stringify(name)} by the path ${JSON.stringify(path)}; expected "<database>/<table>" with a name of up to ${MAX_NAME_BYTES} letters, digits, "_", "-" and "."`,
    );
  }
  const database = dirname(absolute);
  return { database, name, directory: join(database, name + EXTENSION) };
}
