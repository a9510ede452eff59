import { setTimeout as sleep } from "node:timers/promises";

/** What a wait says when it gives up, and when it does. */
export interface WaitOptions {
  /** Names what was awaited, for the error message. */
  readonly what: string;
  /** A watchdog, not a measurement: far above what is expected. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

/** The error of a wait whose watchdog fired. */
export class WaitTimeoutError extends Error {
  override readonly name = "WaitTimeoutError";
}

const defaultTimeoutMs = 10_000;

/** The outcome of the promise, or a `WaitTimeoutError` where it has none in time. Leaves no timer behind. */
export async function within<Value>(promise: Promise<Value>, options: WaitOptions): Promise<Value> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new WaitTimeoutError(`waited ${timeoutMs} ms in vain for ${options.what}`));
  }, timeoutMs);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

type Found<Value> = Value | undefined | null | false;

/**
 * Resolves with the first value of `probe` that is neither undefined, null nor false, asking every 2 ms; a
 * `WaitTimeoutError` where none comes in time. Prefer an event or a promise where there is one.
 */
export async function waitFor<Value>(
  probe: () => Found<Value> | Promise<Found<Value>>,
  options: WaitOptions,
): Promise<Value> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const giveUpAtMs = performance.now() + timeoutMs;
  while (true) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false) return value;
    if (performance.now() >= giveUpAtMs)
      throw new WaitTimeoutError(`waited ${timeoutMs} ms in vain for ${options.what}`);
    await sleep(2);
  }
}

/** A condition list: whoever changes the state notifies, whoever needs a state waits for it without polling. */
export interface Notice {
  /** Checks every waiting condition again. */
  notify(): void;
  /** Resolves as soon as the condition holds, at once where it does already; a `WaitTimeoutError` otherwise. */
  until(condition: () => boolean, options: WaitOptions): Promise<void>;
}

/** A notice that nobody waits for yet. */
export function createNotice(): Notice {
  const waiting = new Set<() => void>();
  return {
    notify() {
      for (const check of [...waiting]) check();
    },
    async until(condition, options) {
      if (condition()) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const check = () => {
        if (condition()) resolve();
      };
      waiting.add(check);
      try {
        await within(promise, options);
      } finally {
        waiting.delete(check);
      }
    },
  };
}
