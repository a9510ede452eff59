import { ExecutionError } from "../../../errors.ts";
import type { Questions, ReaderAnswer, ReaderRequest } from "./messages.ts";
import type { LedgerThread } from "./start-thread.ts";

/** Asks the reader's thread, which is started by the first question. */
export interface LedgerReader {
  /** Rejects with LEDGER_UNAVAILABLE once it is closed. */
  ask<Name extends keyof Questions>(type: Name, query: Questions[Name]["query"]): Promise<Questions[Name]["answer"]>;
  /** Lets what was asked before be answered; rejects with LEDGER_UNAVAILABLE what is not. */
  close(): Promise<void>;
}

type Answer = Questions[keyof Questions]["answer"];

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** Creates a reader whose thread `start` starts. */
export function createLedgerReader(start: () => LedgerThread): LedgerReader {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let running: Promise<LedgerThread> | undefined;
  let isClosed = false;

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
      else asked?.reject(new Error(`the ledger could not be read: ${message.why}`));
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
    ask: async (type, query) => {
      if (isClosed) throw closed();
      const { worker } = await thread();
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      worker.postMessage({ type, id: lastId, query });
      // The thread answers a question by what its name stands for.
      return (await promise) as Questions[typeof type]["answer"];
    },
    close: async () => {
      isClosed = true;
      const begun = await running?.catch(() => undefined);
      begun?.worker.postMessage({ type: "close" } satisfies ReaderRequest);
      await begun?.ended;
      // What it has not answered by its end, it never does.
      failAll(closed());
    },
  };
}

function closed(): ExecutionError {
  return new ExecutionError("LEDGER_UNAVAILABLE", "the ledger is closed: this process ends");
}
