/** A thread of the process that is going to be killed: puts through a producer. */
import { parentPort, workerData } from "node:worker_threads";
import { Producer } from "../../src/writer/producer.js";
import type { ProducerHandle } from "../../src/writer/producer-messages.js";
import { type Caller, type CallerOptions, runCaller } from "./callers.js";

/** What the thread is given. */
export interface ProducerThreadData {
  readonly callers: readonly Caller[];
  readonly options: CallerOptions;
}

const { callers, options }: ProducerThreadData = workerData;

async function run(handle: ProducerHandle): Promise<void> {
  const producer = Producer.attach(handle);
  await Promise.all(callers.map((caller) => runCaller(producer, caller, options)));
  await producer.close();
}

parentPort?.once("message", (handle: ProducerHandle) => {
  void run(handle);
});
