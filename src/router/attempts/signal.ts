import { ExecutionError } from "../../errors.ts";

/** Limits on one attempt, in milliseconds from when it is sent. Undefined: none of its own. */
export interface AttemptLimits {
  readonly firstContentMs: number | undefined;
  readonly totalMs: number | undefined;
}

/** The signal of one attempt: it fires with the call's, when the attempt is given up, or when a limit is reached. */
export interface AttemptSignal {
  readonly signal: AbortSignal;
  /** Starts the clock. */
  start(): void;
  /** Content has come: from now on only the limit on the whole attempt counts. */
  answered(): void;
  abort(reason: ExecutionError): void;
  /** Stops the clock, and leaves the call's signal. */
  clear(): void;
}

/** Longest time a timer can hold; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Creates the signal of an attempt within a call. One timer runs at most. */
export function createAttemptSignal(call: AbortSignal, { firstContentMs, totalMs }: AttemptLimits): AttemptSignal {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let startedAtMs = 0;
  const onAbort = (): void => controller.abort(call.reason);
  const limit = (ms: number | undefined, message: string): void => {
    clearTimeout(timer);
    if (ms === undefined || ms > MAX_TIMER_MS) return;
    timer = setTimeout(
      () => controller.abort(new ExecutionError("PROVIDER_TIMEOUT", message)),
      Math.max(0, startedAtMs + ms - performance.now()),
    );
  };
  if (call.aborted) onAbort();
  else call.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    start: () => {
      startedAtMs = performance.now();
      if (firstContentMs !== undefined && firstContentMs < (totalMs ?? Number.POSITIVE_INFINITY)) {
        limit(firstContentMs, `the provider did not begin to answer within ${firstContentMs} ms`);
      } else {
        limit(totalMs, `the provider's answer was not complete within ${totalMs} ms`);
      }
    },
    answered: () => limit(totalMs, `the provider's answer was not complete within ${totalMs} ms`),
    abort: (reason) => {
      if (!controller.signal.aborted) controller.abort(reason);
    },
    clear: () => {
      clearTimeout(timer);
      call.removeEventListener("abort", onAbort);
    },
  };
}
