import { Worker } from "node:worker_threads";
import { LedgerOpenError } from "../../open-error.ts";
import type { ThreadReady, ThreadSettings } from "./messages.ts";

/** A thread of the ledger. */
export interface LedgerThread {
  readonly worker: Worker;
  /** Rejects with a LedgerOpenError if it cannot open the ledger. */
  readonly ready: Promise<{ readonly recovered: number }>;
  readonly ended: Promise<void>;
}

/** Starts a thread of the ledger. */
export function startThread(workerData: ThreadSettings): LedgerThread {
  // The bundle has the thread as a file of its own beside the chunks.
  const name = import.meta.url.endsWith(".ts") ? "./thread.ts" : "./ledger-thread.js";
  const worker = new Worker(new URL(name, import.meta.url), { workerData, name: `ledger-${workerData.role}` });
  const ready = Promise.withResolvers<{ readonly recovered: number }>();
  const ended = Promise.withResolvers<void>();
  worker.once("message", (message: ThreadReady) => {
    if (message.type === "ready") ready.resolve(message);
    else ready.reject(new LedgerOpenError(message.message));
  });
  worker.once("error", (cause) =>
    ready.reject(new LedgerOpenError("the thread of the ledger did not start", { cause })),
  );
  worker.once("exit", () => ended.resolve());
  return { worker, ready: ready.promise, ended: ended.promise };
}
