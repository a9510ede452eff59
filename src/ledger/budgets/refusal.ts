import { ExecutionError, type Reason } from "../../errors.ts";
import type { Limit } from "../../limit.ts";
import type { Refusal } from "./counter-store.ts";
import { scopeLabel, scopeText } from "./registry.ts";

/** When a slot becomes free nobody knows; whoever waits for one is asked to come again after this long, in milliseconds. */
const SLOT_RETRY_MS = 1000;

/** Whether a limit is one on the rate of use, and not a budget: what counts calls or tokens for an hour at most, or calls at once. */
function isRate({ unit, window }: Limit): boolean {
  return unit !== "usd" && ["minute", "hour", "now"].includes(window);
}

/**
 * The error of limits that do not allow what was asked: BUDGET_EXCEEDED if a budget is among them, else RATE_LIMITED. It names each scope and its
 * window, and says when all of them begin anew; where one never does, or would not allow it even then, a retry does not help.
 */
export function refusalError(refusals: readonly Refusal[]): ExecutionError {
  const reason: Reason = refusals.every(({ limit }) => isRate(limit)) ? "RATE_LIMITED" : "BUDGET_EXCEEDED";
  const waits = refusals.map((refusal) => waitMs(refusal));
  const isCurable = waits.every((wait) => wait !== undefined);
  const texts = refusals.map((refusal, index) => `${scopeText(refusal)}: ${textOf(refusal, waits[index])}`);
  return new ExecutionError(reason, texts.join("; "), {
    retryable: isCurable,
    ...(isCurable && { retryAfterMs: Math.max(...waits) }),
    quotas: refusals.map((refusal, index) => ({
      subject: scopeLabel(refusal),
      description: textOf(refusal, waits[index]),
    })),
  });
}

function waitMs({ limit, retryAfterMs }: Refusal): number | undefined {
  return limit.window === "now" && limit.amount > 0n ? SLOT_RETRY_MS : retryAfterMs;
}

const NOUNS = { usd: "the budget", tokens: "the tokens", requests: "the requests", concurrent: "the calls at once" };

function textOf({ limit }: Refusal, wait: number | undefined): string {
  if (limit.window === "now") return "as many calls as are allowed at once run already";
  const noun = NOUNS[limit.unit];
  const isOne = limit.unit === "usd";
  const per = limit.window === "total" ? "" : ` of this ${limit.window}`;
  if (wait === undefined) return `${noun}${per} ${isOne ? "does" : "do"} not suffice for this call`;
  return `${noun}${per} ${isOne ? "is" : "are"} used up; the next ${limit.window} begins in ${(wait / 1000).toFixed(3)} s`;
}
