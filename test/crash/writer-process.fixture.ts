/**
 * A process that opens a shard, puts into it, tells of all it does, and is killed, stopped or has its system calls fail.
 *
 * Lines it writes: `opening PID`; `opened {…}`; `ack RUN/CALLER NUMBER DURABILITY POSITION`; `fail RUN/CALLER NUMBER CODE`; `closing`;
 * `closed`, or `ended CODE` when closing fails. It ends by itself, with code 0, once its callers have been stopped by a failure, or
 * it has closed the writer.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { ShardWriter } from "../../src/writer/shard-writer.js";
import type { Durability } from "../../src/writer/waiting-put.js";
import { type Caller, codeOf, runCaller, say } from "./callers.js";
import { heldPuts } from "./held-puts.js";
import type { ProducerThreadData } from "./producer-thread.fixture.js";
import { PRIMARY_KEY, SCHEMA } from "./put-plan.js";
import { MEMTABLE_SLOTS } from "./verify-shard.js";

/** The process's one argument, as JSON. */
export interface WriterProcessOptions {
  readonly directory: string;
  readonly shardId: string;
  readonly seed: number;
  readonly run: number;
  readonly memtableBytes: number;
  /** Callers in the process's main thread. */
  readonly callers: readonly Caller[];
  /** Callers in a thread of their own, and the path of its module. */
  readonly producer?: { readonly path: string; readonly callers: readonly Caller[] };
  /** Puts of each caller. Without `closeAfter` the process then waits for its end. */
  readonly puts: number;
  /** Of all puts. @default as planned */
  readonly durability?: Durability;
  /** Acknowledgements in the main thread after which the writer is closed, whatever else is on its way. */
  readonly closeAfter?: number;
}

async function run(options: WriterProcessOptions): Promise<void> {
  const { directory, shardId, memtableBytes, closeAfter = Number.POSITIVE_INFINITY } = options;
  say("opening", process.pid);
  const writer = await ShardWriter.open({
    log: { directory },
    shardId,
    schema: SCHEMA,
    primaryKey: PRIMARY_KEY,
    memtableBytes,
    memtableSlots: MEMTABLE_SLOTS,
    maxMemoryBytes: 2 ** 30,
  });
  say("opened", JSON.stringify({ epoch: writer.epoch, held: Object.fromEntries(heldPuts(writer.memtables)) }));

  let acknowledged = 0;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    say("closing");
    try {
      await writer.close();
      say("closed");
    } catch (error) {
      say("ended", codeOf(error));
    }
  };
  const onAcknowledged = (): void => {
    if (++acknowledged >= closeAfter) closing ??= close();
  };

  const { seed, run: number, puts, durability } = options;
  const common = { seed, run: number, puts, durability };
  const ends = options.callers.map((caller) => runCaller(writer, caller, { ...common, onAcknowledged }));
  if (options.producer !== undefined) {
    const { path, callers } = options.producer;
    const workerData: ProducerThreadData = { callers, options: common };
    const worker = new Worker(path, { workerData });
    const handle = writer.producer({ maxPuts: 24 });
    worker.postMessage(handle, [handle.port]);
    ends.push(once(worker, "exit").then(() => {}));
  }
  await Promise.all(ends);
  if (closing === undefined && writer.failure === undefined && closeAfter === Number.POSITIVE_INFINITY) {
    say("idle");
    setInterval(() => {}, 60_000);
    return;
  }
  closing ??= close();
  await closing;
}

const [argument] = process.argv.slice(2);
run(JSON.parse(argument ?? "")).catch((error: unknown) => {
  say("ended", codeOf(error));
});
