/**
 * The maintenance thread: see `maintenance.ts`.
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { toPlainError } from "../writer/plain-error.js";
import { Maintenance } from "./maintenance.js";
import type {
  FromMaintenance,
  MaintenanceAnswers,
  MaintenanceRequest,
  MaintenanceThreadData,
  ToMaintenance,
} from "./maintenance-messages.js";

const port = parentPort;
if (port === null) throw new Error("this module runs in a thread that a table starts");

const { table, settings }: MaintenanceThreadData = workerData;
const say = (message: FromMaintenance): void => port.postMessage(message);
const maintenance = new Maintenance(table, settings, {
  onStatus: (status) => say({ status }),
  onDone: (name, message) => say({ event: { name, message } }),
  onError: (task, error) =>
    say({ event: { name: "maintenance-error", message: { task, error: toPlainError(error) } } }),
});

async function answer(request: MaintenanceRequest): Promise<MaintenanceAnswers[MaintenanceRequest["kind"]]> {
  switch (request.kind) {
    case "flush":
      return maintenance.flush(request.plan);
    case "compact":
      return maintenance.compact();
    case "collect":
      return maintenance.collect();
    case "optimize":
      return maintenance.optimize();
    case "pause":
      maintenance.pause();
      return undefined;
    case "resume":
      maintenance.resume();
      return undefined;
    case "status":
      await maintenance.refreshStatus();
      return undefined;
    case "close":
      await maintenance.close();
      return undefined;
  }
}

port.on("message", async (message: ToMaintenance) => {
  if (message.kind === "retain") {
    maintenance.retainFrom = message.from;
    return;
  }
  const { id } = message;
  try {
    const value = await answer(message);
    say({ id, ok: true, value });
  } catch (error) {
    say({ id, ok: false, error: toPlainError(error) });
  }
  if (message.kind === "close") port.close();
});
