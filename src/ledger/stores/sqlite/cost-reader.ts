import type { CostAnswer, CostQuery } from "../../store.ts";
import type { ReaderAnswer, ReaderRequest } from "./messages.ts";
import type { LedgerThread } from "./start-thread.ts";

/** Asks the reader's thread, which is started by the first question. */
export interface CostReader {
  costs(query: CostQuery): Promise<CostAnswer>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (answer: CostAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Creates a reader whose thread `start` starts. */
export function createCostReader(start: () => LedgerThread): CostReader {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let running: Promise<LedgerThread> | undefined;

  const failAll = (error: Error): void => {
    running = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const begin = async (): Promise<LedgerThread> => {
    const thread = start();
    await thread.ready;
    thread.worker.on("error", failAll);
    thread.worker.on("message", (message: ReaderAnswer) => {
      const asked = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.type === "answer") asked?.resolve(message.answer);
      else asked?.reject(new Error(`the costs could not be read: ${message.why}`));
    });
    return thread;
  };
  const thread = (): Promise<LedgerThread> => {
    running ??= begin().catch((thrown: unknown) => {
      running = undefined;
      throw thrown;
    });
    return running;
  };
  return {
    costs: async (query) => {
      const { worker } = await thread();
      const { promise, resolve, reject } = Promise.withResolvers<CostAnswer>();
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      worker.postMessage({ type: "costs", id: lastId, query } satisfies ReaderRequest);
      return promise;
    },
    close: async () => {
      const begun = await running?.catch(() => undefined);
      begun?.worker.postMessage({ type: "close" } satisfies ReaderRequest);
      await begun?.ended;
    },
  };
}
