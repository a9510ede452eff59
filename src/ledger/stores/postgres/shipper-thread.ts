import { Worker } from "node:worker_threads";
import { LedgerOpenError } from "../../open-error.ts";
import type { AttemptPage, AttemptQuery, CostAnswer, CostQuery } from "../../store.ts";
import type { ShipperAnswer, ShipperReady, ShipperRequest, ShipperSettings } from "./messages.ts";

/** The thread that speaks to the database. */
export interface ShipperThread {
  readonly ready: Extract<ShipperReady, { type: "ready" }>;
  /** Rejects with an Error that says why; undefined where the answer was to be complete and is not yet. */
  costs(query: CostQuery): Promise<CostAnswer | undefined>;
  /** Reads what is in the database. Rejects with an Error that says why. */
  attempts(query: AttemptQuery): Promise<AttemptPage>;
  /** Resolves when all that is settled now is in the database, or the time is over: with how many rows are not. Rejects if nobody knows how many. */
  flushed(withinMs: number): Promise<number>;
  /** Ends it, whatever the database does. */
  close(): Promise<void>;
}

/** What is said without being asked for. */
export type ShipperNews = Exclude<ShipperAnswer, { readonly id: number }>;

interface Asked {
  readonly resolve: (answer: ShipperAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Starts the thread. Rejects with a LedgerOpenError if the database refuses what only the operator can mend. */
export async function startShipperThread(
  workerData: ShipperSettings,
  onNews: (news: ShipperNews) => void,
): Promise<ShipperThread> {
  // The bundle has the thread as a file of its own beside the chunks.
  const name = import.meta.url.endsWith(".ts") ? "./thread.ts" : "./ledger-shipper.js";
  const worker = new Worker(new URL(name, import.meta.url), { workerData, name: "ledger-shipper" });
  const ready = Promise.withResolvers<ShipperThread["ready"]>();
  const asked = new Map<number, Asked>();
  let lastId = 0;
  let gone: Error | undefined;
  worker.on("message", (message: ShipperReady | ShipperAnswer) => {
    if (message.type === "ready") ready.resolve(message);
    else if (message.type === "refused") ready.reject(new LedgerOpenError(message.message));
    else if ("id" in message) {
      asked.get(message.id)?.resolve(message);
      asked.delete(message.id);
    } else onNews(message);
  });
  const fail = (error: Error): void => {
    gone = error;
    ready.reject(new LedgerOpenError("the thread of the ledger's database did not start", { cause: error }));
    for (const { reject } of asked.values()) reject(error);
    asked.clear();
  };
  worker.once("error", (thrown) => {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    onNews({ type: "lost", why: error.message });
    fail(error);
  });
  worker.once("exit", () => fail(gone ?? new Error("the thread of the ledger's database has ended")));
  const ask = (request: (id: number) => ShipperRequest): Promise<ShipperAnswer> => {
    if (gone !== undefined) return Promise.reject(gone);
    const { promise, resolve, reject } = Promise.withResolvers<ShipperAnswer>();
    lastId += 1;
    asked.set(lastId, { resolve, reject });
    worker.postMessage(request(lastId));
    return promise;
  };
  try {
    return {
      ready: await ready.promise,
      costs: async (query) => {
        const answer = await ask((id) => ({ type: "costs", id, query }));
        if (answer.type === "answer") return answer.answer;
        if (answer.type === "behind") return undefined;
        throw new Error(answer.type === "failed" ? answer.why : answer.type);
      },
      attempts: async (query) => {
        const answer = await ask((id) => ({ type: "attempts", id, query }));
        if (answer.type === "page") return answer.page;
        throw new Error(answer.type === "failed" ? answer.why : answer.type);
      },
      flushed: async (withinMs) => {
        const answer = await ask((id) => ({ type: "flush", id, withinMs }));
        if (answer.type === "flushed") return answer.left;
        throw new Error(answer.type === "failed" ? answer.why : answer.type);
      },
      close: async () => {
        await worker.terminate();
      },
    };
  } catch (thrown) {
    await worker.terminate();
    throw thrown;
  }
}
