import { ExecutionError } from "../errors.ts";
import { unlessAborted } from "../unless-aborted.ts";
import type { CallContext, Principal } from "./call.ts";

/** Who asks, until its signal fires. */
export type Asker = Pick<CallContext, "principal" | "signal">;

/**
 * Asks the ledger for sums or rows when it is the asker's turn. Rejects with the signal's reason when it fires; a question that still waits then is never
 * asked.
 */
export type AskLedger = <Answer>(asker: Asker, question: () => Promise<Answer>) => Promise<Answer>;

/** The questions of callers at the ledger. */
export interface LedgerTurns {
  /** For calls that nothing else bounds. Throws OVERLOADED where too many questions of such calls have no answer yet. */
  readonly ask: AskLedger;
  /** For calls that stream, which are bounded by themselves and ask one question at a time: it is never refused, so that nothing breaks off midway. */
  readonly askInStream: AskLedger;
}

/** Questions that are at the ledger at once: one that is answered, and one for when it is. What counters of budgets are filled from waits for these alone. */
const AT_ONCE = 2;

/** Questions that may be without an answer, and how many of them with keys of one tenant, and with one key, so that they leave room for others. */
const MAX_ASKED = 64;
const MAX_OF_TENANT = 32;
const MAX_OF_KEY = 4;

/** When whoever was refused may come again, in milliseconds. */
const RETRY_AFTER_MS = 1_000;

/** Creates the turns, which all who ask share: a few at once, by turns of their keys, so that nobody waits for all that another has asked. */
export function createLedgerTurns(): LedgerTurns {
  /** Who waits, by key. The key whose turn is next comes first, and none has an empty line. */
  const lines = new Map<string, PromiseWithResolvers<void>[]>();
  /** Whose questions have no answer yet, be it that they have left. */
  const asked: Principal[] = [];
  let running = 0;

  const myTurn = async (key: string, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    if (running < AT_ONCE) {
      running += 1;
      return;
    }
    const turn = Promise.withResolvers<void>();
    const line = lines.get(key) ?? [];
    line.push(turn);
    lines.set(key, line);
    const leave = (): void => {
      const place = line.indexOf(turn);
      if (place === -1) return;
      line.splice(place, 1);
      if (line.length === 0) lines.delete(key);
      turn.reject(signal.reason);
    };
    signal.addEventListener("abort", leave, { once: true });
    await turn.promise.finally(() => signal.removeEventListener("abort", leave));
  };
  /** Gives the turn to whoever is next. */
  const passOn = (): void => {
    const [next] = lines;
    if (next === undefined) {
      running -= 1;
      return;
    }
    const [key, line] = next;
    lines.delete(key);
    line.shift()?.resolve();
    if (line.length > 0) lines.set(key, line);
  };
  const inTurn = async <Answer>({ principal, signal }: Asker, question: () => Promise<Answer>): Promise<Answer> => {
    await myTurn(principal.key, signal);
    try {
      signal.throwIfAborted();
      return await question();
    } finally {
      passOn();
    }
  };
  const checkRoom = ({ tenant, key }: Principal): void => {
    if (asked.length >= MAX_ASKED) throw tooMany(`${MAX_ASKED} questions`);
    if (asked.filter((other) => other.tenant === tenant).length >= MAX_OF_TENANT)
      throw tooMany(`${MAX_OF_TENANT} questions of this tenant`);
    if (asked.filter((other) => other.key === key).length >= MAX_OF_KEY)
      throw tooMany(`${MAX_OF_KEY} questions of this key`);
  };
  return {
    ask: async (asker, question) => {
      const { principal, signal } = asker;
      checkRoom(principal);
      asked.push(principal);
      const answered = inTurn(asker, question).finally(() => asked.splice(asked.indexOf(principal), 1));
      return unlessAborted(answered, signal);
    },
    askInStream: (asker, question) => unlessAborted(inTurn(asker, question), asker.signal),
  };
}

function tooMany(what: string): ExecutionError {
  return new ExecutionError("OVERLOADED", `${what} for costs have no answer yet`, { retryAfterMs: RETRY_AFTER_MS });
}
