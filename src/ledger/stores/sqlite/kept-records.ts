import { ExecutionError } from "../../../errors.ts";
import type { KeptRecord, RecordStore } from "../../records.ts";
import type { RecordAnswer, RecordRequest } from "./messages.ts";

/** Records that the writer keeps. It is asked for them too: they are few, and nobody has to start the reader for them. */
export interface KeptRecords extends RecordStore {
  result(answer: RecordAnswer): void;
  /** Resolves when nothing waits for the writer. */
  idle(): Promise<void>;
  /** Gives everything up: the writer is gone. */
  fail(why: string): void;
}

/** When whoever was refused may come again, in milliseconds. */
const RETRY_AFTER_MS = 1_000;

type Answer = boolean | readonly KeptRecord[];

/** Creates the records of a writer that `send` tells. */
export function createKeptRecords(send: (request: RecordRequest) => void): KeptRecords {
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();
  let lastId = 0;
  let goneWhy: string | undefined;
  const ask = async (request: (id: number) => RecordRequest): Promise<Answer> => {
    if (goneWhy !== undefined) throw unavailable(goneWhy);
    lastId += 1;
    const answer = Promise.withResolvers<Answer>();
    waiting.set(lastId, answer);
    send(request(lastId));
    return answer.promise;
  };
  const take = (id: number): PromiseWithResolvers<Answer> | undefined => {
    const found = waiting.get(id);
    waiting.delete(id);
    return found;
  };
  return {
    all: async (sort) => {
      const found = await ask((id) => ({ type: "records", id, sort }));
      return typeof found === "boolean" ? [] : found;
    },
    change: async (change) => (await ask((id) => ({ type: "change", id, change }))) === true,
    result: ({ id, answer, why }) => {
      if (answer !== undefined) take(id)?.resolve(answer);
      else take(id)?.reject(unavailable(why));
    },
    idle: async () => {
      await Promise.allSettled([...waiting.values()].map(({ promise }) => promise));
    },
    fail: (why) => {
      goneWhy = why;
      for (const id of [...waiting.keys()]) take(id)?.reject(unavailable(why));
    },
  };
}

function unavailable(why: string): ExecutionError {
  const message = "the ledger cannot be written to, so that nothing can be changed that it keeps";
  return new ExecutionError("LEDGER_UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS, cause: why });
}
