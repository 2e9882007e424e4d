/**
 * Ctrl-C and its like: the first one asks the command to stop, the second ends the process.
 *
 * @module
 */
import { Interruption } from "./failure.js";

/**
 * The first SIGINT or SIGTERM aborts `controller` with an {@link Interruption}; the second finds no listener and ends the process at once.
 *
 * @returns stops listening
 */
export function listenForSignals(controller: AbortController): () => void {
  const onInterrupt = (): void => abort("SIGINT");
  const onTerminate = (): void => abort("SIGTERM");
  const stop = (): void => {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onTerminate);
  };
  const abort = (signal: "SIGINT" | "SIGTERM"): void => {
    stop();
    controller.abort(new Interruption(signal));
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  return stop;
}
