/**
 * `pennon verify` as a command.
 *
 * @module
 */
import { verifyTable } from "../../compact/verify.js";
import type { Finding } from "../../compact/verify-findings.js";
import { UsageError } from "../../errors.js";
import { loadLanceDb } from "../../lance/lancedb-module.js";
import { storageSchema } from "../../lance/storage-schema.js";
import { parseTablePath } from "../../table/table-path.js";
import { readLanceSchema } from "../../table/table-schema.js";
import { EXIT } from "../failure.js";
import { listenForSignals } from "../interruption.js";
import { oneLine } from "../one-line.js";
import { print } from "../print.js";
import { counted } from "../quantities.js";
import { findTableOrShard, shardsOf } from "../shard-path.js";
import { StageBar } from "../stage-bar.js";

/** The options of the command. */
export interface VerifyFlags {
  readonly json?: boolean;
}

/**
 * Runs the command and prints what comes of it.
 *
 * @returns the exit code
 * @throws what is wrong with the path or the storage, see `failureOf`
 */
export async function runVerify(path: string, { json = false }: VerifyFlags): Promise<number> {
  const { tableDirectory } = findTableOrShard(path);
  if (tableDirectory === undefined) {
    throw new UsageError(`${path}: the shard belongs to no table, so there is nothing to hold it against`);
  }
  const controller = new AbortController();
  const stopListening = listenForSignals(controller);
  const bar = StageBar.onTerminal();
  const findings: Finding[] = [];
  try {
    const lancedb = await loadLanceDb();
    const { database, name } = parseTablePath(tableDirectory);
    const connection = await lancedb.connect(database);
    const { schema, primaryKey } = readLanceSchema(await (await connection.openTable(name)).schema());
    connection.close();
    const found = verifyTable({
      lancedb,
      tableDirectory,
      shardIds: shardsOf(tableDirectory),
      schema: storageSchema(schema, primaryKey),
      primaryKey,
      signal: controller.signal,
      onProgress: (progress) => bar?.show(progress),
    });
    for await (const finding of found) {
      findings.push(finding);
      bar?.clear();
      if (!json) await print(findingLine(finding));
    }
  } finally {
    bar?.stop();
    stopListening();
  }
  if (json) await print(`${JSON.stringify({ directory: tableDirectory, sound: findings.length === 0, findings })}\n`);
  if (findings.length === 0) return EXIT.OK;
  process.stderr.write(`pennon: ${oneLine(path)}: ${counted(findings.length, "finding")}\n`);
  return EXIT.FAILED;
}

function findingLine({ severity, file, problem, advice }: Finding): string {
  const place = file === "" ? "" : `${file}: `;
  return `${oneLine(`${severity}: ${place}${problem}; ${advice}`)}\n`;
}
