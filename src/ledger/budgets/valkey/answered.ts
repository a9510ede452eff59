import { ExecutionError } from "../../../errors.ts";

/** How long a call waits for the server before it counts as gone, in milliseconds. */
const ANSWER_MS = 5000;

/** What the server says. LEDGER_UNAVAILABLE if it is gone or says nothing for too long. */
export async function orUnavailable<Answer>(asked: Promise<Answer>): Promise<Answer> {
  const timeUp = Promise.withResolvers<never>();
  const giveUp = (): void => timeUp.reject(new Error(`no answer within ${ANSWER_MS} ms`));
  // A process that was busy for that long reads first what has come meanwhile.
  const timer = setTimeout(() => setImmediate(giveUp), ANSWER_MS);
  try {
    return await Promise.race([asked, timeUp.promise]);
  } catch (cause) {
    throw new ExecutionError("LEDGER_UNAVAILABLE", "the budgets that processes share cannot be reached", {
      retryAfterMs: 1000,
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}
