/**
 * The log thread: claims the shard, replays and writes its log on a local directory, with synchronous calls (a lone put costs 0.75-0.89
 * ms so, and 1.3-1.4 ms through `fs.promises`).
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { LocalStore } from "../storage/local-store.js";
import { LogCore } from "./log-core.js";
import type { LogReply, LogRequest, LogThreadData, ToLogThread } from "./log-thread-messages.js";
import { toPlainError } from "./plain-error.js";
import type { OpenedLog } from "./shard-log.js";
import { systemTimers } from "./timers.js";

const port = parentPort;
if (port === null) throw new Error("this module runs in a thread that ShardWriter starts");

const { directory, options, writerId }: LogThreadData = workerData;
const log = new LogCore(new LocalStore(directory), options, writerId, systemTimers);

const reply = (message: LogReply): void => port.postMessage(message);

async function answer(request: LogRequest): Promise<OpenedLog | undefined> {
  switch (request.kind) {
    case "open":
      return log.open();
    case "append":
      await log.append(request.plan);
      return undefined;
    case "close":
      await log.close();
      return undefined;
  }
}

port.on("message", (message: ToLogThread) => {
  if (message.kind === "memtable") {
    log.addMemtable(message.number, message.handle);
  } else if (message.kind === "drop") {
    log.dropMemtable(message.number);
  } else {
    answer(message)
      .then((opened) => reply(opened === undefined ? { ok: true } : { ok: true, opened }))
      .catch((error: unknown) => reply({ ok: false, error: toPlainError(error) }))
      .finally(() => {
        if (message.kind === "close") port.close();
      });
  }
});
